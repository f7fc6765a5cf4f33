/** Percent-encodes as RFC 3986 §2.3 has it: only letters, digits, `-`, `_`, `.` and `~` stay. */
export function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
}
