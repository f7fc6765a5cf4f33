/** `2026-11-23T15:04:05Z`, as the API writes times. */
export function apiTime(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`
}
