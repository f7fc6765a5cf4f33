import { execFileSync } from 'node:child_process'
import { poll } from './poll.ts'
import { RunningCommand } from './running-command.ts'

/** Marks in the stream of changes; the kernel reports changes in order, so what lies between two marks is complete. */
const [BEGIN, END] = ['fairlead-test-begin', 'fairlead-test-end'] as const

/** `nft monitor` in a network namespace: every change that anybody makes to its rules, in the words of nft. */
export class NftMonitor implements Disposable {
  readonly #netns: string
  readonly #command: RunningCommand

  private constructor(netns: string) {
    this.#netns = netns
    this.#command = new RunningCommand('nsenter', [`--net=${netns}`, 'nft', 'monitor'])
  }

  /** Returns when it certainly listens. */
  static async start(netns: string): Promise<NftMonitor> {
    const monitor = new NftMonitor(netns)
    await poll(`nft monitor in ${netns}`, () => {
      // It may not listen yet, and then misses the mark: so the mark is made until it is seen.
      nft(netns, `add table inet ${BEGIN}; delete table inet ${BEGIN}`)
      return monitor.#command.stdout.includes(`delete table inet ${BEGIN}`) ? true : undefined
    })
    return monitor
  }

  /** The changes from its start until now, one line each. */
  async changes(): Promise<string[]> {
    nft(this.#netns, `add table inet ${END}`)
    nft(this.#netns, `delete table inet ${END}`)
    await this.#command.printed(new RegExp(`delete table inet ${END}`))
    return this.#command.stdout
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#') && !line.includes(BEGIN) && !line.includes(END))
  }

  [Symbol.dispose](): void {
    this.#command.kill('SIGKILL')
  }
}

/**
 * All rules of a namespace as nft lists them, handles included and counters left out; sorted, since the kernel gives the
 * elements of a set in any order.
 */
export function listRules(netns: string): string[] {
  const text = execFileSync('nsenter', [`--net=${netns}`, 'nft', '--stateless', '--handle', 'list', 'ruleset'])
  return text
    .toString()
    .split(/\n|, /)
    .map((part) => part.replace(/^\s*(elements = \{ )?|( \}|,)?$/g, ''))
    .sort()
}

function nft(netns: string, command: string): void {
  execFileSync('nsenter', [`--net=${netns}`, 'nft', command])
}
