import { FairleadError } from '../../base/error.ts'

/** A number of any wire type, or the bytes of a length-delimited field. */
export type WireValue = bigint | Uint8Array

export interface WireField {
  readonly number: number
  readonly value: WireValue
}

/** Reads the fields of one protobuf message in order. @throws FairleadError `INVALID_INPUT` where it is cut or wrong. */
export class WireReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  *[Symbol.iterator](): Generator<WireField, void, void> {
    while (this.#at < this.#bytes.byteLength) {
      const tag = Number(this.#varint())
      yield { number: tag >>> 3, value: this.#value(tag & 7) }
    }
  }

  /** All that is left as numbers: how a list of numbers is packed. */
  varints(): readonly bigint[] {
    const numbers: bigint[] = []
    while (this.#at < this.#bytes.byteLength) numbers.push(this.#varint())
    return numbers
  }

  #value(wireType: number): WireValue {
    switch (wireType) {
      case 0:
        return this.#varint()
      case 1:
        return this.#fixed(8)
      case 2:
        return this.#take(Number(this.#varint()))
      case 5:
        return this.#fixed(4)
      default:
        throw new FairleadError(
          'INVALID_INPUT',
          `The protobuf object cannot be read: wire type ${wireType} is not known`,
        )
    }
  }

  #varint(): bigint {
    let result = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw cut()
      result |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, result)
    }
    throw new FairleadError('INVALID_INPUT', 'The protobuf object cannot be read: a number is longer than ten bytes')
  }

  #fixed(size: 4 | 8): bigint {
    const bytes = Buffer.from(this.#take(size))
    return size === 4 ? BigInt(bytes.readUInt32LE()) : bytes.readBigUInt64LE()
  }

  #take(size: number): Uint8Array {
    const end = this.#at + size
    if (end > this.#bytes.byteLength) throw cut()
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }
}

function cut(): FairleadError {
  return new FairleadError('INVALID_INPUT', 'The protobuf object cannot be read: it ends in the middle of a field')
}
