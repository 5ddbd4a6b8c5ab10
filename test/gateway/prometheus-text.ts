// Reads what Prometheus reads, more strictly than it does.

import assert from 'node:assert/strict';

/** The samples of a text of Prometheus, strictly: names, labels and values as its format has them, HELP and TYPE first. */
export function samplesOf(text: string): Map<string, { type: string; samples: string[] }> {
  const families = new Map<string, { type: string; samples: string[] }>();
  const helped = new Set<string>();
  assert.ok(text.endsWith('\n'));
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue;
    const help = /^# HELP ([a-zA-Z_:][\w:]*) \S.*$/.exec(line);
    const type = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram|summary)$/.exec(line);
    if (help !== null) helped.add(help[1]);
    else if (type !== null) {
      assert.ok(helped.has(type[1]) && !families.has(type[1]), line);
      families.set(type[1], { type: type[2], samples: [] });
    } else {
      const label = '[a-zA-Z_]\\w*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
      const match = new RegExp(`^([a-zA-Z_:][\\w:]*)(\\{${label}(?:,${label})*\\})? (-?[\\d.e+-]+|NaN|[+-]Inf)$`).exec(
        line,
      );
      assert.ok(match !== null, line);
      const family = families.get(match[1]) ?? families.get(match[1].replace(/_(bucket|sum|count)$/, ''));
      assert.ok(family !== undefined, line);
      const key = match[1] + (match[2] ?? '');
      assert.ok(!family.samples.includes(key), line);
      family.samples.push(key);
    }
  }
  return families;
}
