/** The fields of one protobuf message, written one after the other. Source: protobuf encoding specification */
export class WireWriter {
  readonly #parts: Uint8Array[] = []

  number(field: number, value: number | bigint): void {
    this.#parts.push(varint(field << 3), varint(value))
  }

  double(field: number, value: number): void {
    const bytes = Buffer.alloc(8)
    bytes.writeDoubleLE(value)
    this.#parts.push(varint((field << 3) | 1), bytes)
  }

  bytes(field: number, value: Uint8Array): void {
    this.#parts.push(varint((field << 3) | 2), varint(value.byteLength), value)
  }

  text(field: number, value: string): void {
    this.bytes(field, Buffer.from(value))
  }

  /** A message within this one. */
  message(field: number, write: (writer: WireWriter) => void): void {
    const writer = new WireWriter()
    write(writer)
    this.bytes(field, writer.finish())
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts)
  }
}

/** A number in as few bytes as it needs; a negative one takes ten. */
function varint(value: number | bigint): Buffer {
  let rest = BigInt.asUintN(64, BigInt(value))
  const bytes: number[] = []
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  bytes.push(Number(rest))
  return Buffer.from(bytes)
}
