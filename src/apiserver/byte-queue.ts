/** A reader that lets this much wait is too slow to be kept. */
const QUEUE_BYTES_LIMIT = 32 * 1024 * 1024

/**
 * Lines on their way to one reader: written at once, read as they can be sent, several together. A reader that falls
 * too far behind finds the queue ended.
 */
export class ByteQueue implements AsyncIterable<Uint8Array> {
  #chunks: Uint8Array[] = []
  #bytes = 0
  #ended = false
  #wake: (() => void) | undefined

  /** False: the queue has ended, or this was too much for it. */
  push(chunk: Uint8Array): boolean {
    if (this.#ended) return false
    this.#chunks.push(chunk)
    this.#bytes += chunk.byteLength
    if (this.#bytes > QUEUE_BYTES_LIMIT) {
      this.#chunks = []
      this.end()
      return false
    }
    this.#wake?.()
    return true
  }

  /** What was pushed is still read. */
  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  get ended(): boolean {
    return this.#ended
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    try {
      for (;;) {
        const chunk = this.#take()
        if (chunk !== undefined) yield chunk
        else if (this.#ended) return
        else await this.#pushed()
      }
    } finally {
      this.#chunks = []
      this.end()
    }
  }

  #take(): Uint8Array | undefined {
    const chunks = this.#chunks
    if (chunks.length === 0) return undefined
    this.#chunks = []
    this.#bytes = 0
    return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)
  }

  #pushed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined
        resolve()
      }
    })
  }
}
