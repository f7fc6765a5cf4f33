import { FairleadError } from '../base/error.ts'

const NEWLINE = 0x0a

/**
 * Decodes a stream of JSON values, one on a line, as a watch is. Chunks may end anywhere, also within a character.
 *
 * @throws FairleadError `API_UNREACHABLE` when the stream ends within a value or a line is not JSON.
 */
export async function* decodeJsonLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<unknown, void, undefined> {
  let pending: Uint8Array[] = []
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const line = decodeLine([...pending, chunk.subarray(start, end)])
      pending = []
      start = end + 1
      if (line !== '') yield parseLine(line)
    }
    if (start < chunk.length) pending.push(chunk.subarray(start))
  }
  const rest = decodeLine(pending)
  if (rest !== '') yield parseLine(rest)
}

/** In whole lines there is no half character. */
function decodeLine(parts: readonly Uint8Array[]): string {
  return Buffer.concat(parts).toString('utf8').trim()
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (cause) {
    const text = `Cannot decode the watch stream: found ${JSON.stringify(line.slice(-40))}, expected the end of a JSON value`
    throw new FairleadError('API_UNREACHABLE', text, { cause })
  }
}
