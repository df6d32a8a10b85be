// A board of Farebox without Grafana: `/?board=budgets`, data from the server that serves this page.
import React from 'react';
import { createRoot } from 'react-dom/client';
import { createTheme, EventBusSrv, ThemeContext } from '@grafana/data';
import { GlobalStyles, PanelChrome, PanelContextProvider } from '@grafana/ui';
import { ask, rangeOf, type Panel } from './ask';
import { Drawing, hasValues, prepared } from './draw';

const COLUMN = 54;
const ROW = 36;
const GAP = 8;
// `&live=90s` shows only so much of what comes from Prometheus: a fresh one has no more.
const live = new URLSearchParams(location.search).get('live');
const theme = createTheme({ colors: { mode: 'dark' } });

function Framed({ panel, time }: { panel: Panel; time: any }) {
  const [state, set] = React.useState<any>({ now: 'loading' });
  React.useEffect(() => {
    (async () => {
      try {
        const range = rangeOf(panel.targets[0].range && live ? { ...panel, timeFrom: live } : panel, time);
        const frames = await prepared(panel, await ask(panel, range), theme);
        set({ now: hasValues(panel, frames) ? 'drawn' : 'no data', frames, range });
      } catch (error) {
        set({ now: 'error', error: String(error) });
      }
    })();
  }, []);
  const { x, y, w, h } = panel.gridPos;
  const width = w * COLUMN - GAP;
  const height = h * ROW - GAP;
  const place = { position: 'absolute' as const, left: x * COLUMN, top: y * ROW, width, height };
  return (
    <div style={place} data-panel={panel.title} data-state={state.now} data-error={state.error}>
      <PanelChrome title={panel.title} width={width} height={height} description={panel.description}>
        {(inner, tall) => (state.now === 'drawn'
          ? <Drawing {...{ panel, theme, ...state }} w={inner} h={tall} />
          : <div>{state.error ?? panel.fieldConfig.defaults.noValue ?? state.now}</div>)}
      </PanelChrome>
    </div>
  );
}

class Guard extends React.Component<any> {
  state: { error?: unknown } = {};

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  render() {
    if (this.state.error === undefined) {
      return this.props.children;
    }
    const { title } = this.props;
    return <pre data-panel={title} data-state="error" data-error={String(this.state.error)} />;
  }
}

function Heading({ panel }: { panel: Panel }) {
  const top = panel.gridPos.y * ROW;
  return <h3 style={{ position: 'absolute', left: 4, top, color: '#ccccdc', fontSize: 16 }}>{panel.title}</h3>;
}

function Board({ board }: { board: any }) {
  const rows = Math.max(...board.panels.map((p: Panel) => p.gridPos.y + p.gridPos.h));
  return (
    <div style={{ position: 'relative', width: 24 * COLUMN, height: rows * ROW }}>
      {board.panels.map((panel: Panel) => (panel.type === 'row'
        ? <Heading key={panel.id} panel={panel} />
        : <Guard key={panel.id} title={panel.title}><Framed panel={panel} time={board.time} /></Guard>))}
    </div>
  );
}

const board = await (await fetch(`/boards${location.search}`)).json();
const context = { eventBus: new EventBusSrv(), eventsScope: 'preview', app: 'dashboard' } as any;
createRoot(document.getElementById('root')!).render(
  <ThemeContext.Provider value={theme}>
    <PanelContextProvider value={context}>
      <GlobalStyles />
      <Board board={board} />
    </PanelContextProvider>
  </ThemeContext.Provider>,
);
