import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { decodeJsonLines } from './json-lines.ts'

async function* inChunks(bytes: Uint8Array, ends: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0
  for (const end of [...ends, bytes.length]) {
    yield bytes.subarray(start, end)
    start = end
  }
}

async function decode(text: string, ends: readonly number[] = []): Promise<unknown[]> {
  const values: unknown[] = []
  for await (const value of decodeJsonLines(inChunks(Buffer.from(text), ends))) values.push(value)
  return values
}

describe('decodeJsonLines()', () => {
  it('gives the same values wherever chunks end, also within a character', async () => {
    const value = fc.oneof(fc.jsonValue(), fc.string({ unit: fc.constantFrom('é', '€', '😀', '\n', '"', 'a') }))
    await fc.assert(
      fc.asyncProperty(fc.array(value), fc.array(fc.nat(500)), async (values, cuts) => {
        const text = values.map((each) => `${JSON.stringify(each)}\n`).join('')
        const length = Buffer.byteLength(text)
        const ends = cuts.map((cut) => cut % (length + 1)).sort((a, b) => a - b)
        const wanted = values.map((each) => JSON.parse(JSON.stringify(each)))
        assert.deepEqual(await decode(text, ends), wanted)
      }),
    )
  })

  it('takes a last line without its end, empty lines and carriage returns', async () => {
    assert.deepEqual(await decode('{"a":1}\r\n\n[2]'), [{ a: 1 }, [2]])
  })

  it('says when the stream ends within a value', async () => {
    await assert.rejects(decode('{"a":1}\n{"b"'), { code: 'API_UNREACHABLE', message: /found "\{\\"b\\""/ })
  })
})
