import { execFileSync } from 'node:child_process'
import { createNetns, deleteNetns, netnsPath } from './netns.ts'

/** For tests: network namespaces that are gone when the test ends, however it ends. */
export class TestNamespaces implements Disposable {
  readonly #names: string[] = []

  /** Creates `fl-t<pid>-<name>` and returns its path. */
  create(name: string): string {
    const full = this.name(name)
    createNetns(full)
    this.#names.push(full)
    return netnsPath(full)
  }

  /** The full name of a namespace of this test. */
  name(name: string): string {
    return `fl-t${process.pid}-${name}`
  }

  /** What iproute2 says in a namespace: the oracle. Arguments follow `ip -json -details`. */
  ipJson(name: string, args: string): Record<string, unknown>[] {
    const options = ['-n', this.name(name), '-json', '-details', ...args.split(' ')]
    const text = execFileSync('ip', options, { encoding: 'utf8' })
    return text.trim() === '' ? [] : JSON.parse(text)
  }

  /** Runs a program in a namespace and returns what it printed; throws when it fails. */
  run(name: string, command: string): string {
    const options = ['netns', 'exec', this.name(name), ...command.split(' ')]
    return execFileSync('ip', options, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  }

  [Symbol.dispose](): void {
    for (const name of this.#names.splice(0).reverse()) deleteNetns(name)
  }
}
