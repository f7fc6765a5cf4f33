import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { ask, type Target, type Vantage } from '../../src/cluster/vantage.ts'
import { connectTcp } from '../../src/linux/socket.ts'
import { poll } from './poll.ts'

const PAUSE_MS = 5
const TIMEOUT_MS = 5_000

/** Something that counts, and that a test waits for: it fails when what it counts does not come. */
class Progress {
  #count = 0
  #waiting: (() => void)[] = []

  get count(): number {
    return this.#count
  }

  add(): void {
    this.#count++
    for (const check of [...this.#waiting]) check()
  }

  async more(by: number, what: string): Promise<void> {
    const goal = this.#count + by
    await new Promise<void>((resolve, reject) => {
      const settle = (end: () => void) => {
        clearTimeout(timer)
        this.#waiting = this.#waiting.filter((other) => other !== check)
        end()
      }
      const check = () => {
        if (this.#count >= goal) settle(resolve)
      }
      const timer = setTimeout(
        () => settle(() => reject(new Error(`${what}: ${this.#count} where ${goal} were wanted`))),
        30_000,
      )
      this.#waiting.push(check)
      check()
    })
  }
}

/** Resolves at the first answer: the kernel learns of an endpoint some milliseconds after the API does. */
export async function answered(from: Vantage, target: Target): Promise<void> {
  await poll(`an answer from ${target.host}:${target.port} to ${from.name}`, () =>
    // A packet that comes before the rule is lost; waiting for its repetition would take a second.
    ask(from, target, 250).then(
      () => true,
      () => undefined,
    ),
  )
}

/** One connection that is used all the time: numbers go out and must come back, each once and in order. */
export class EchoConnection implements AsyncDisposable {
  readonly #name: string
  readonly #socket: Socket
  readonly #echoed = new Progress()
  #failure: string | undefined
  #text = ''
  #closing = false

  private constructor(name: string, socket: Socket) {
    this.#name = name
    this.#socket = socket
    socket.setEncoding('utf8')
    socket.on('error', (error) => this.#fail(`error ${error.message}`))
    socket.on('close', () => this.#fail('it was closed'))
  }

  static async open(from: Vantage, host: string, port: number): Promise<EchoConnection> {
    const socket = await connectTcp({ netns: from.netns, host, port, timeoutMs: TIMEOUT_MS })
    const connection = new EchoConnection(`connection from ${from.name} to ${host}:${port}`, socket)
    // The server says who it is before it echoes.
    const [greeting] = (await once(socket, 'data')) as [string]
    connection.#text = greeting.slice(greeting.indexOf('\n') + 1)
    socket.on('data', (text: string) => connection.#receive(text))
    connection.#send()
    return connection
  }

  /** Resolves when so many more numbers came back. */
  async goesOn(count = 20): Promise<void> {
    this.check()
    await this.#echoed.more(count, `${this.#name} does not go on (${this.#failure ?? 'it is silent'})`)
    this.check()
  }

  /** @throws Error when the connection broke or gave anything but what was sent. */
  check(): void {
    if (this.#failure !== undefined)
      throw new Error(`${this.#name} broke after ${this.#echoed.count}: ${this.#failure}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true
    this.#socket.destroy()
  }

  #send(): void {
    if (!this.#closing && !this.#socket.destroyed) this.#socket.write(`${this.#echoed.count}\n`)
  }

  #receive(text: string): void {
    this.#text += text
    for (let end = this.#text.indexOf('\n'); end >= 0; end = this.#text.indexOf('\n')) {
      const line = this.#text.slice(0, end)
      this.#text = this.#text.slice(end + 1)
      if (line !== String(this.#echoed.count)) this.#fail(`it gave '${line}' for '${this.#echoed.count}'`)
      this.#echoed.add()
      setTimeout(() => this.#send(), PAUSE_MS)
    }
  }

  #fail(why: string): void {
    if (!this.#closing) this.#failure ??= why
  }
}

/** New connections one after the other, all the time; every one must be answered. */
export class RequestLoad implements AsyncDisposable {
  readonly #name: string
  readonly #answered = new Progress()
  readonly #pods = new Set<string>()
  readonly #failures: string[] = []
  readonly #running: Promise<void>
  #stopped = false

  constructor(from: Vantage, target: Target) {
    this.#name = `requests from ${from.name} to ${target.host}:${target.port}`
    this.#running = this.#run(from, target)
  }

  /** Resolves when so many more were answered. */
  goesOn(count = 20): Promise<void> {
    return this.#answered.more(count, `${this.#name} stall, failures ${this.#failures.join(', ') || 'none'}`)
  }

  get pods(): ReadonlySet<string> {
    return this.#pods
  }

  /** @throws Error when any request since the beginning failed. */
  check(): void {
    if (this.#failures.length === 0) return
    const all = this.#failures.length + this.#answered.count
    throw new Error(`${this.#failures.length} of ${all} ${this.#name} failed: ${this.#failures.slice(0, 5).join(', ')}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  async #run(from: Vantage, target: Target): Promise<void> {
    while (!this.#stopped) {
      try {
        this.#pods.add((await ask(from, target, TIMEOUT_MS)).pod)
        this.#answered.add()
      } catch (error) {
        this.#failures.push(String(error))
      }
      await sleep(PAUSE_MS)
    }
  }
}
