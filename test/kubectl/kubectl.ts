import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openTestBench, type TestBench } from '../../src/apiserver/test-bench.ts'

export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** The machine's kubectl, unmodified, with a configuration of its own. */
export interface Kubectl {
  /** Runs `kubectl ARGS`; words are separated by blanks, a quoted argument is one word. */
  run(line: string, input?: string): Promise<Outcome>
  /** What a command that must succeed prints, with what varies made equal. */
  show(line: string, input?: string): Promise<string>
  /** What a command that must fail prints to stderr. */
  fail(line: string, input?: string): Promise<string>
  /** Starts a command that goes on until it is stopped. */
  start(line: string): Running
  /** Writes a manifest and returns its path. */
  manifest(name: string, text: string): string
}

/** An API server and a kubectl that speaks with it. */
export interface Session extends Kubectl, AsyncDisposable {
  readonly bench: TestBench
}

export interface Running extends AsyncDisposable {
  /** Resolves when what was printed so far matches. */
  printed(pattern: RegExp): Promise<string>
}

/** Why these tests cannot run here; `false` when they can. */
export const unavailable: string | false =
  spawnSync('kubectl', ['version', '--client']).status === 0 ? false : 'kubectl is not installed'

export async function openSession(): Promise<Session> {
  const bench = await openTestBench()
  const kubectl = openKubectl({ kubeconfig: bench.kubeconfig(), directory: bench.directory })
  return { ...kubectl, bench, [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose]() }
}

export interface KubectlPlace {
  readonly kubeconfig: string
  /** For its cache and for manifests. */
  readonly directory: string
}

export function openKubectl({ kubeconfig, directory }: KubectlPlace): Kubectl {
  const base = ['--kubeconfig', kubeconfig, '--cache-dir', join(directory, 'cache')]
  const environment = { PATH: process.env.PATH, HOME: directory, KUBECTL_EXTERNAL_DIFF: 'diff -U0' }
  const spawned = (line: string) => spawn('kubectl', [...base, ...wordsOf(line)], { env: environment })
  const run = async (line: string, input?: string): Promise<Outcome> => {
    const child = spawned(line)
    const output = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk) => (output.stdout += chunk))
    child.stderr.on('data', (chunk) => (output.stderr += chunk))
    child.stdin.end(input ?? '')
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
    return { code, ...output }
  }
  return {
    run,
    async show(line, input) {
      const { code, stdout, stderr } = await run(line, input)
      if (code !== 0) throw new Error(`kubectl ${line} ended with ${code}: ${stderr}`)
      return alike(stdout)
    },
    async fail(line, input) {
      const { code, stdout, stderr } = await run(line, input)
      if (code === 0) throw new Error(`kubectl ${line} ended well: ${stdout}`)
      return alike(stderr)
    },
    start: (line) => follow(spawned(line)),
    manifest(name, text) {
      const manifests = join(directory, 'manifests')
      mkdirSync(manifests, { recursive: true })
      const path = join(manifests, name)
      writeFileSync(path, text)
      return path
    },
  }
}

function follow(child: ReturnType<typeof spawn>): Running {
  let text = ''
  let check = () => {}
  child.stdout?.on('data', (chunk) => {
    text += chunk
    check()
  })
  const closed = new Promise((resolve) => child.on('close', resolve))
  return {
    printed: (pattern) =>
      new Promise((resolve) => {
        check = () => {
          if (pattern.test(text)) resolve(alike(text))
        }
        check()
      }),
    async [Symbol.asyncDispose]() {
      child.kill()
      await closed
    },
  }
}

function wordsOf(line: string): readonly string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
}

/** Makes equal what differs from run to run: ages, times, uids, versions, addresses that were picked. */
export function alike(text: string): string {
  return text
    .replace(/\b\d+(m\d+)?s\b/g, 'AGE')
    .replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, 'TIME')
    .replace(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, 'UID')
    .replace(/resourceVersion: "\d+"/g, 'resourceVersion: "N"')
    .replace(/\b10\.96\.\d+\.\d+(?<!10\.96\.0\.1)/g, 'CLUSTER-IP')
    .replace(/:3[0-2]\d{3}\b/g, ':NODEPORT')
    .replace(/[ ]+/g, ' ')
    .replace(/ +$/gm, '')
    .trim()
}
