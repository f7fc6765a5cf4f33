/** An option of EDNS0 (RFC 6891 §6.1.2). */
export interface EdnsOption {
  readonly code: number
  readonly data: Uint8Array
}

const NO_OPTIONS: readonly EdnsOption[] = []

/** The options in an OPT record's data, in memory of their own; what is cut off at the end is left out. */
export function readOptions(bytes: Buffer, start: number, length: number): readonly EdnsOption[] {
  if (length < 4) return NO_OPTIONS
  const options: EdnsOption[] = []
  const end = start + length
  for (let at = start; at + 4 <= end; ) {
    const next = at + 4 + bytes.readUInt16BE(at + 2)
    if (next > end) break
    options.push({ code: bytes.readUInt16BE(at), data: Uint8Array.from(bytes.subarray(at + 4, next)) })
    at = next
  }
  return options
}

/** The inverse of {@link readOptions}. */
export function writeOptions(options: readonly EdnsOption[]): Buffer {
  return Buffer.concat(
    options.flatMap(({ code, data }) => {
      const head = Buffer.alloc(4)
      head.writeUInt16BE(code, 0)
      head.writeUInt16BE(data.length, 2)
      return [head, data]
    }),
  )
}
