// One panel, drawn by Grafana's own components; a table as HTML, through Grafana's formatters.
import React from 'react';
import {
  applyFieldOverrides, FieldConfigOptionsRegistry, formattedValueToString, getDisplayProcessor,
  getDisplayValueAlignmentFactors, getFieldDisplayValues, standardTransformers, standardTransformersRegistry, transformDataFrame,
  type DataFrame, type GrafanaTheme2, type TimeRange,
} from '@grafana/data';
import { BarGauge, BigValue, TimeSeries } from '@grafana/ui';
import { firstValueFrom } from 'rxjs';
import type { Panel } from './ask';

const OPTIONS = [
  'unit', 'min', 'max', 'decimals', 'displayName', 'color', 'thresholds', 'mappings', 'noValue',
  'links', 'custom.cellOptions',
];
const option = (id: string) => ({
  id, path: id.replace('custom.', ''), name: id, isCustom: id.startsWith('custom.'),
  editor: () => null, override: () => null, process: (value: any) => value,
  shouldApply: () => true, settings: {}, category: [],
});
const registry = new FieldConfigOptionsRegistry(() => OPTIONS.map(option) as any);
const transformers = [...new Set(Object.values(standardTransformers))]
  .filter((each: any) => each?.operator);
standardTransformersRegistry.setInit(() =>
  transformers.map((each: any) => ({
    id: each.id, name: each.id, transformation: async () => each, editor: () => null,
  })) as any);
const LINE = {
  drawStyle: 'line', lineInterpolation: 'linear', lineWidth: 1, fillOpacity: 0,
  showPoints: 'never', pointSize: 5, axisPlacement: 'auto', spanNulls: false,
  scaleDistribution: { type: 'linear' }, thresholdsStyle: { mode: 'off' },
  hideFrom: { tooltip: false, viz: false, legend: false },
};

export async function prepared(panel: Panel, frames: DataFrame[], theme: GrafanaTheme2) {
  const steps = panel.transformations ?? [];
  const shaped = await firstValueFrom(transformDataFrame(steps, frames));
  const color = { mode: panel.type === 'timeseries' ? 'palette-classic' : 'thresholds' };
  const defaults = { color, ...panel.fieldConfig.defaults };
  return applyFieldOverrides({
    data: shaped, theme, timeZone: 'utc', fieldConfigRegistry: registry,
    fieldConfig: { defaults, overrides: panel.fieldConfig.overrides ?? [] },
    replaceVariables: (text: string) => text,
  });
}

export function hasValues(panel: Panel, frames: DataFrame[]): boolean {
  return frames.some((frame) => frame.fields.some((field) =>
    field.name.toLowerCase() !== 'time'
      && field.values.some((value: any) => value !== null && value !== undefined)));
}

type Drawn = {
  panel: Panel; frames: DataFrame[]; range: TimeRange; theme: GrafanaTheme2; w: number; h: number;
};

export function Drawing({ panel, frames, range, theme, w, h }: Drawn) {
  if (panel.type === 'timeseries') {
    return <Lines {...{ panel, frames, range, theme, w, h }} />;
  }
  if (panel.type === 'table') {
    return <Rows {...{ panel, frames, range, theme, w, h }} />;
  }
  const { values, calcs } = panel.options.reduceOptions;
  const found = getFieldDisplayValues({
    fieldConfig: panel.fieldConfig, reduceOptions: { values: values ?? false, calcs }, data: frames,
    replaceVariables: (text: string) => text, theme, timeZone: 'utc', sparkline: false,
  });
  if (panel.type === 'stat') {
    return (
      <BigValue value={found[0].display} width={w} height={h} theme={theme}
        colorMode={'value' as any} graphMode={'none' as any} justifyMode={'auto' as any}
        textMode={'value' as any} />
    );
  }
  // The package leaves the dial of Grafana 13 out, so a gauge is drawn as the bar it comes with.
  if (panel.type === 'bargauge' || panel.type === 'gauge') {
    const alignmentFactors = getDisplayValueAlignmentFactors(found);
    const each = Math.min(40, h / found.length - 4);
    return (
      <div>
        {found.map((value, place) => (
          <div key={place} style={{ marginBottom: 4 }}>
            <BarGauge value={value.display} field={value.field} width={w} height={each}
              theme={theme} orientation={'horizontal' as any} displayMode={'basic' as any}
              text={{ titleSize: 12, valueSize: 14 }} alignmentFactors={alignmentFactors}
              display={value.view?.getFieldDisplayProcessor(value.colIndex ?? 0)} />
          </div>
        ))}
      </div>
    );
  }
  throw new Error(`this preview cannot draw ${panel.type}`);
}

function Lines({ panel, frames, range, w, h }: Drawn) {
  const custom = { ...LINE, ...panel.fieldConfig.defaults.custom };
  const styled = frames.map((frame) => ({
    ...frame,
    fields: frame.fields.map((f) => ({ ...f, config: { ...f.config, custom } })),
  }));
  return (
    <TimeSeries frames={styled} width={w} height={h} timeRange={range} timeZone="utc"
      legend={panel.options.legend} options={{}}>
      {() => null}
    </TimeSeries>
  );
}

function Rows({ frames, theme, w, h }: Drawn) {
  const fields = frames[0].fields.filter((field) => field.config.custom?.hidden !== true);
  const shown = fields.map((field) => field.display ?? getDisplayProcessor({ field, theme }));
  const cell = { textAlign: 'left' as const, padding: '3px 12px 3px 0', whiteSpace: 'nowrap' as const };
  return (
    <div style={{ width: w, height: h, overflow: 'hidden' }}>
      <table style={{ fontSize: 12, width: '100%' }}>
        <thead>
          <tr>{fields.map((field) => <th key={field.name} style={cell}>{titleOf(field)}</th>)}</tr>
        </thead>
        <tbody>
          {Array.from({ length: frames[0].length }, (_, row) => (
            <tr key={row}>
              {fields.map((field, place) => {
                const value = shown[place](field.values[row]);
                const colored = field.config.custom?.cellOptions?.type === 'color-text';
                const style = { ...cell, color: colored ? value.color : undefined };
                return <td key={place} style={style}>{formattedValueToString(value)}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const titleOf = (field: any) => field.config.displayName ?? field.state?.displayName ?? field.name;
