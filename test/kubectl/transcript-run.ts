import { spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { KubectlProgram } from './kubectl-versions.ts'
import { alike, expectedBy, isFor, matches, parseTranscript, type TranscriptStep } from './transcript.ts'

export const TRANSCRIPTS = fileURLToPath(new URL('./transcripts', import.meta.url))

const STEP_LIMIT_MS = 30_000
const TRIES = Number(process.env.FAIRLEAD_TRANSCRIPT_TRIES ?? 100)
const TRY_AGAIN_MS = 100

export interface TranscriptPlace {
  readonly program: KubectlProgram
  readonly kubeconfig: string
  /** For its files; not there yet. */
  readonly directory: string
  /** Name of a namespace that is there for this run alone. */
  readonly namespace: string
}

/** A transcript as it is written, and as it came out. */
export interface TranscriptOutcome {
  readonly expected: string
  readonly actual: string
  /** As it would have to be written to be right. */
  readonly recorded: string
}

/** Types the commands of a transcript one after the other. */
export async function runTranscript(name: string, place: TranscriptPlace): Promise<TranscriptOutcome> {
  const shell = new TranscriptShell(place)
  const { minor } = place.program
  const outcome = { expected: '', actual: '', recorded: '' }
  try {
    for (const step of parseTranscript(readFileSync(join(TRANSCRIPTS, name), 'utf8'))) {
      if (!isFor(step, minor)) {
        outcome.recorded += lines([...headOf(step), ...step.expected])
        continue
      }
      const expected = expectedBy(step, minor)
      const actual = await shell.perform(step, expected)
      const same = agree(step, expected, actual)
      outcome.expected += lines([...headOf(step), ...expected])
      outcome.actual += lines([...headOf(step), ...(same ? expected : actual)])
      outcome.recorded += lines([...headOf(step), ...(same ? step.expected : actual)])
    }
  } finally {
    shell.close()
  }
  return outcome
}

function agree({ sorted }: TranscriptStep, expected: readonly string[], actual: readonly string[]): boolean {
  return sorted ? matches([...expected].sort(), [...actual].sort()) : matches(expected, actual)
}

function headOf({ above, command }: TranscriptStep): readonly string[] {
  return [...above, `$ ${command.replaceAll('\n', '\n> ')}`]
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join('')
}

/** Runs commands with one kubectl, in a namespace and a directory of their own. */
class TranscriptShell {
  readonly #place: TranscriptPlace
  readonly #groups: number[] = []
  readonly #environment: NodeJS.ProcessEnv

  constructor(place: TranscriptPlace) {
    const { directory, program, kubeconfig, namespace } = place
    this.#place = place
    mkdirSync(join(directory, 'bin'), { recursive: true })
    symlinkSync(program.path, join(directory, 'bin', 'kubectl'))
    for (const file of readdirSync(join(TRANSCRIPTS, 'files')))
      copyFileSync(join(TRANSCRIPTS, 'files', file), join(directory, file))
    const config = readFileSync(kubeconfig, 'utf8').replace(/^( *)(user: .*)$/m, `$1$2\n$1namespace: ${namespace}`)
    writeFileSync(join(directory, 'kubeconfig'), config, { mode: 0o600 })
    this.#environment = {
      PATH: `${join(directory, 'bin')}:${process.env.PATH}`,
      HOME: directory,
      KUBECONFIG: join(directory, 'kubeconfig'),
      KUBECTL_EXTERNAL_DIFF: 'diff -U0',
      NS: namespace,
      TERM: 'dumb',
    }
  }

  /** What a command prints, and `[CODE]` when it fails. */
  async perform(step: TranscriptStep, expected: readonly string[]): Promise<readonly string[]> {
    for (let tries = 1; ; tries++) {
      const actual = await this.#run(step.command)
      if (!step.eventually || tries >= TRIES || agree(step, expected, actual)) return actual
      await sleep(TRY_AGAIN_MS)
    }
  }

  async #run(command: string): Promise<readonly string[]> {
    const { directory, namespace } = this.#place
    const script = `. ${join(TRANSCRIPTS, 'helpers.sh')}\nexec 2>&1\n${command}`
    const child = spawn('/bin/bash', ['-c', script], {
      cwd: directory,
      env: this.#environment,
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    })
    if (child.pid !== undefined) this.#groups.push(child.pid)
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text) => (output += text))
    const limit = setTimeout(() => kill(child.pid), STEP_LIMIT_MS)
    // Not `close`: a command that goes on in the background may hold the pipe.
    const [code] = await new Promise<[number | null]>((resolve) => child.once('close', (...args) => resolve([args[0]])))
    clearTimeout(limit)
    const text = output.replaceAll(namespace, '$NS').replaceAll(directory, '$DIR')
    return [...alike(text), ...(code === 0 ? [] : [`[${code ?? 'killed'}]`])]
  }

  /** Ends what goes on in the background. */
  close(): void {
    for (const group of this.#groups) kill(group)
  }
}

function kill(group: number | undefined): void {
  if (group === undefined) return
  try {
    process.kill(-group, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
