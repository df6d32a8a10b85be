// What Grafana does between a panel and its data sources: ranges, variables, macros, frames.
import {
  dateMath, dateTime, FieldType, rangeUtil, toDataFrame, type DataFrame, type TimeRange,
} from '@grafana/data';

export type Target = Record<string, any>;
export type Panel = Record<string, any>;

const ZONE = 'utc';

export function rangeOf(panel: Panel, time: { from: string; to: string }): TimeRange {
  let from = dateMath.parse(time.from, false, ZONE)!;
  let to = dateMath.parse(time.to, true, ZONE)!;
  if (panel.timeFrom) {
    const own = rangeUtil.describeTextRange(panel.timeFrom);
    from = dateMath.parse(own.from, false, ZONE)!;
    to = dateMath.parse(own.to, true, ZONE)!;
  }
  if (panel.timeShift) {
    from = dateMath.parseDateMath(`-${panel.timeShift}`, from, false)!;
    to = dateMath.parseDateMath(`-${panel.timeShift}`, to, true)!;
  }
  return { from: dateTime(from), to: dateTime(to), raw: { from, to } };
}

function filled(text: string, range: TimeRange): string {
  const from = range.from.valueOf();
  const to = range.to.valueOf();
  return text
    .replaceAll('${tag:sqlstring}', "'project'")
    .replace(/\$\{\w+:sqlstring\}/g, "'*'")
    .replaceAll('$__unixEpochFrom()', String(Math.floor(from / 1000)))
    .replaceAll('$__unixEpochTo()', String(Math.floor(to / 1000)))
    .replaceAll('$__from', String(from))
    .replaceAll('$__to', String(to))
    .replaceAll('$__rate_interval', '20s')
    .replaceAll('$__range', `${Math.round((to - from) / 1000)}s`)
    .replace(/\$(job|team|key|model)\b/g, '.*');
}

async function json(url: string, init?: RequestInit): Promise<any> {
  const answer = await fetch(url, init);
  const found = await answer.json();
  if (!answer.ok || found.status === 'error') {
    throw new Error(found.error ?? `${answer.status}`);
  }
  return found;
}

// As the time series panel does: what cannot be drawn is a gap.
const drawable = (text: string) => (Number.isFinite(Number(text)) ? Number(text) : null);

function legend(format: string, labels: Record<string, string>): string {
  if (format === '__auto') {
    return Object.values(labels).join(' ');
  }
  return format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => labels[name] ?? '');
}

async function fromPrometheus(target: Target, range: TimeRange): Promise<DataFrame[]> {
  const query = new URLSearchParams({ query: filled(target.expr, range) });
  const to = range.to.valueOf() / 1000;
  if (target.range) {
    const step = Math.max(1, Math.round((to - range.from.valueOf() / 1000) / 300));
    const steps = Math.floor((to - range.from.valueOf() / 1000) / step);
    query.set('start', String(to - steps * step));
    query.set('end', String(to));
    query.set('step', String(step));
  } else {
    query.set('time', String(to));
  }
  const url = `/prometheus/api/v1/${target.range ? 'query_range' : 'query'}?${query}`;
  const { data } = await json(url);
  return target.format === 'table' ? rowsOf(target, data.result) : linesOf(target, data.result);
}

function linesOf(target: Target, result: any[]): DataFrame[] {
  return result.map(({ metric, values, value }) => {
    const points = values ?? [value];
    const name = legend(target.legendFormat ?? '', metric) || 'Value';
    return toDataFrame({
      refId: target.refId,
      name,
      fields: [
        { name: 'Time', type: FieldType.time, values: points.map((p: any) => p[0] * 1000) },
        {
          name: 'Value', type: FieldType.number, labels: metric,
          values: points.map((p: any) => drawable(p[1])), config: { displayNameFromDS: name },
        },
      ],
    });
  });
}

function rowsOf(target: Target, result: any[]): DataFrame[] {
  const labels = [...new Set(result.flatMap((each) => Object.keys(each.metric)))];
  const value = { name: `Value #${target.refId}`, type: FieldType.number };
  return [toDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: result.map((r) => r.value[0] * 1000) },
      ...labels.map((name) => ({
        name, type: FieldType.string, values: result.map((r) => r.metric[name] ?? ''),
      })),
      { ...value, values: result.map((r) => Number(r.value[1])) },
    ],
  })];
}

async function fromLedger(target: Target, range: TimeRange): Promise<DataFrame[]> {
  const body = filled(target.rawSql ?? target.rawQueryText, range);
  const { columns, rows } = await json('/ledger', { method: 'POST', body });
  if (columns[0] === 'time') {
    return pivoted(target, columns[2], rows);
  }
  return [toDataFrame({
    refId: target.refId,
    fields: columns.map((name: string, place: number) => {
      const values = rows.map((row: any[]) => row[place]);
      const words = values.some((value: any) => typeof value === 'string');
      return { name, type: words ? FieldType.string : FieldType.number, values };
    }),
  })];
}

function pivoted(target: Target, valueName: string, rows: any[][]): DataFrame[] {
  const names = [...new Set(rows.map((row) => row[1]))];
  return names.map((name) => {
    const mine = rows.filter((row) => row[1] === name);
    return toDataFrame({
      refId: target.refId,
      name,
      fields: [
        { name: 'time', type: FieldType.time, values: mine.map((row) => row[0] * 1000) },
        {
          name: valueName, type: FieldType.number, values: mine.map((row) => row[2]),
          config: { displayNameFromDS: name },
        },
      ],
    });
  });
}

export async function ask(panel: Panel, range: TimeRange): Promise<DataFrame[]> {
  const answers = panel.targets.map((target: Target) =>
    target.expr ? fromPrometheus(target, range) : fromLedger(target, range));
  return (await Promise.all(answers)).flat();
}
