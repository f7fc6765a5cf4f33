import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { spawnIn } from '../../linux/process.ts'
import type { ListenerPlan } from './plan.ts'
import type { TestLoadBalancer } from './test-load-balancer.ts'

/** A process for tests, killed at the end if not before. */
export interface TestProcess extends AsyncDisposable {
  /** Ends it at once: kill -9. */
  kill(): Promise<void>
}

/** An HTTP server in a process of its own on node `n`, port 80, that answers with its number. */
export async function serverProcess(lb: TestLoadBalancer, n: number): Promise<TestProcess> {
  const program = `require('node:http').createServer((q, s) => s.end('${n}')).listen(80, () => console.log('ready'))`
  return ready(spawnIn(lb.node(n), process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] }))
}

/** A data plane in a process of its own, which has applied the listeners when this resolves. */
export async function planeProcess(lb: TestLoadBalancer, listeners: readonly ListenerPlan[]): Promise<TestProcess> {
  const program = fileURLToPath(new URL('./test-plane-program.ts', import.meta.url))
  const args = ['--import', 'tsx', program, lb.vpc.netns, lb.directory, JSON.stringify(listeners)]
  return ready(spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] }))
}

async function ready(child: ChildProcess): Promise<TestProcess> {
  const ended = once(child, 'exit')
  const kill = async () => {
    child.kill('SIGKILL')
    await ended
  }
  if (child.stdout !== null) await Promise.race([once(child.stdout, 'data'), ended])
  return { kill, [Symbol.asyncDispose]: kill }
}
