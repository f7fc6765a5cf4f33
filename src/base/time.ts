/** A time as APIs write it: RFC 3339 in whole seconds, UTC (meta/v1 Time, and the cloud's). */
export function formatTime(milliseconds: number): string {
  const second = Math.floor(milliseconds / 1000)
  if (second !== written.second) written = { second, text: `${new Date(milliseconds).toISOString().slice(0, 19)}Z` }
  return written.text
}

/** The last time that was asked for: a server writes the same second thousands of times. */
let written = { second: Number.NaN, text: '' }

/** RFC 3339 with microseconds (meta/v1 MicroTime), as leases and `eventTime` have it. */
export function formatMicroTime(milliseconds: number): string {
  const micros = String(Math.floor((milliseconds % 1000) * 1000)).padStart(6, '0')
  return `${new Date(milliseconds).toISOString().slice(0, 19)}.${micros}Z`
}
