const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}
const DURATION = /^[-+]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))*$/
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g

/**
 * Milliseconds of a duration as Go writes it: `1m30s`, `500ms`, `0`; undefined for anything else.
 * Source: Go's time.ParseDuration
 */
export function parseGoDuration(text: string): number | undefined {
  if (text === '0') return 0
  if (!DURATION.test(text)) return undefined
  let milliseconds = 0
  for (const [, number = '', unit = ''] of text.matchAll(PART)) milliseconds += Number(number) * (UNIT_MS[unit] ?? 0)
  return text.startsWith('-') ? -milliseconds : milliseconds
}
