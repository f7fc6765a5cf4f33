import assert from 'node:assert/strict'
import { fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { isAlive, killProcess, readProcessIdentity } from '../../src/linux/process.ts'
import { containerDirectory, readShim } from '../../src/node/runtime/container-directory.ts'
import { findHolder, holdPod } from '../../src/node/runtime/pod-holder.ts'
import type { ContainerRecord } from '../../src/node/runtime/runtime.ts'
import { RuntimeBench, until } from './node-bench.ts'

const web = { podUid: 'pod-1', name: 'web', attempt: 0 }
const isRunning = (record: ContainerRecord) => record.state.kind === 'running'
const isExited = (record: ContainerRecord) => record.state.kind === 'exited'

describe('containers under runc', { timeout: 60_000 }, () => {
  test('a container ends with its exit code, and what it wrote is in its log', async () => {
    await using bench = new RuntimeBench()
    const runtime = bench.openRuntime()
    runtime.start(web, bench.command('/bin/sh', '-c', 'echo out; echo err >&2; hostname; exit 7'))
    const { state, logPath } = await until(runtime, 'pod-1', isExited)
    assert.ok(state.kind === 'exited')
    assert.deepEqual([state.exitCode, state.reason], [7, undefined])
    assert.deepEqual(readFileSync(logPath, 'utf8').split('\n').sort(), ['', 'bench', 'err', 'out'])
  })

  test('it has its own root file system that can be written, over system directories that cannot', async () => {
    await using bench = new RuntimeBench()
    const runtime = bench.openRuntime()
    const script =
      'echo x >/tmp/a && echo y >/b && ! touch /usr/bin/c 2>/dev/null && ! touch /etc/ssl/certs/d 2>/dev/null'
    runtime.start(web, bench.command('/bin/sh', '-c', script))
    const { state } = await until(runtime, 'pod-1', isExited)
    assert.equal(state.kind === 'exited' && state.exitCode, 0)
    assert.doesNotMatch(readFileSync('/proc/mounts', 'utf8'), new RegExp(bench.directory))
  })

  test('a program that is not there is a start error with runc its reason', async () => {
    await using bench = new RuntimeBench()
    const runtime = bench.openRuntime()
    runtime.start(web, bench.command('/bin/no-such-program'))
    const { state } = await until(runtime, 'pod-1', isExited)
    assert.ok(state.kind === 'exited')
    assert.deepEqual([state.exitCode, state.reason], [128, 'StartError'])
    assert.match(state.message ?? '', /\/bin\/no-such-program.*no such file/)
  })

  test('signals reach it', async () => {
    await using bench = new RuntimeBench()
    const runtime = bench.openRuntime()
    runtime.start(web, bench.command('/bin/sh', '-c', 'trap "exit 3" TERM; sleep 60 & wait'))
    await until(runtime, 'pod-1', isRunning)
    await untilOutput(runtime.exec(web, ['/bin/true'], { timeoutMs: 5000 }))
    runtime.stop(web)
    const { state } = await until(runtime, 'pod-1', isExited)
    assert.equal(state.kind === 'exited' && state.exitCode, 3)
  })

  test('a killed container says 137', async () => {
    await using bench = new RuntimeBench()
    const runtime = bench.openRuntime()
    runtime.start(web, bench.command('/bin/sleep', '60'))
    await until(runtime, 'pod-1', isRunning)
    runtime.kill(web)
    const { state } = await until(runtime, 'pod-1', isExited)
    assert.equal(state.kind === 'exited' && state.exitCode, 137)
  })

  test('what containers share is kept until the pod goes, also when the agent goes', async () => {
    await using bench = new RuntimeBench()
    const pod = join(bench.directory, 'pods', 'pod-1')
    const target = join(pod, 'volumes', 'm')
    mkdirSync(pod, { recursive: true })
    const holder = holdPod(pod, { memory: [{ target, bytes: 1 << 20, mode: 0o777 }], processes: true })
    const inPod = (...args: string[]) => {
      const { mounts, ...rest } = bench.command(...args)
      return { ...rest, holder, mounts: [...mounts, { source: target, destination: '/m', readOnly: false }] }
    }
    using first = bench.openRuntime()
    first.start(web, inPod('/bin/sh', '-c', 'echo kept >/m/x'))
    await until(first, 'pod-1', isExited)
    assert.ok(!existsSync(join(target, 'x')))
    const second = bench.openRuntime()
    assert.deepEqual(findHolder(pod), holder)
    assert.deepEqual(holdPod(pod, { memory: [], processes: false }), holder)
    // The kernel drops no signal to one that is not the first: no handler is waited for.
    second.start({ ...web, attempt: 1 }, inPod('/bin/sh', '-c', 'cat /m/x; exec sleep 60'))
    const running = ({ attempt, state }: ContainerRecord) => attempt === 1 && state.kind === 'running'
    const { logPath } = await until(second, 'pod-1', running)
    // It runs as soon as its shell does, and the signal would end that before it has read anything.
    while (readFileSync(logPath, 'utf8') === '') await setTimeout(5)
    second.stop({ ...web, attempt: 1 })
    const { state } = await until(second, 'pod-1', ({ attempt, state }) => attempt === 1 && state.kind === 'exited')
    assert.equal(state.kind === 'exited' && state.exitCode, 143)
    assert.equal(readFileSync(logPath, 'utf8'), 'kept\n')
    const known = readProcessIdentity(holder.pid)
    assert.ok(known !== undefined)
    await second.removePod('pod-1')
    assert.equal(findHolder(pod), undefined)
    while (isAlive(known)) await setTimeout(5)
  })

  test('a command runs inside it, and is stopped at its time limit', async () => {
    await using bench = new RuntimeBench()
    const runtime = bench.openRuntime()
    runtime.start(web, bench.command('/bin/sleep', '60'))
    await until(runtime, 'pod-1', isRunning)
    const ok = await runtime.exec(web, ['/bin/sh', '-c', 'hostname; exit 4'], { timeoutMs: 10_000 })
    assert.deepEqual(ok, { exitCode: 4, output: 'bench\n' })
    const slow = await runtime.exec(web, ['/bin/sleep', '61'], { timeoutMs: 300 })
    assert.equal(slow.exitCode, undefined)
    assert.equal(spawnSync('pgrep', ['-x', '-f', '/bin/sleep 61']).status, 1)
  })

  test('a second runtime takes over what runs and learns how the rest ended', async () => {
    await using bench = new RuntimeBench()
    const first = bench.openRuntime()
    const job = { ...web, podUid: 'pod-2' }
    first.start(web, bench.command('/bin/sleep', '60'))
    first.start(job, bench.command('/bin/sh', '-c', 'read line </tmp/none; sleep 0.2; exit 9'))
    const { state: before } = await until(first, 'pod-1', isRunning)
    first[Symbol.dispose]()
    const second = bench.openRuntime()
    assert.deepEqual(second.containers('pod-1')[0]?.state, before)
    const { state } = await until(second, 'pod-2', isExited)
    assert.equal(state.kind === 'exited' && state.exitCode, 9)
  })

  test('containers outlive a process that is killed, and how they ended is known afterwards', async () => {
    await using bench = new RuntimeBench()
    const commands = {
      stays: bench.command('/bin/sleep', '60'),
      ends: bench.command('/bin/sh', '-c', 'trap "exit 9" TERM; while :; do sleep 0.02; done'),
    }
    const agent = fork(join(import.meta.dirname, 'killed-agent.ts'), { execArgv: ['--import', 'tsx'] })
    agent.send({ directory: bench.directory, commands })
    await once(agent, 'message')
    agent.kill('SIGKILL')
    await once(agent, 'exit')
    // It ends while nobody looks after it, and not before: running must have been seen.
    const { pid, exit } = containerDirectory(join(bench.directory, 'pods'), { ...web, podUid: 'ends' })
    const program = readProcessIdentity(Number.parseInt(readFileSync(pid, 'utf8'), 10))
    assert.ok(program)
    while (!existsSync(exit)) {
      killProcess(program, 'SIGTERM')
      await setTimeout(10)
    }
    const runtime = bench.openRuntime()
    const ended = runtime.containers('ends')[0]?.state
    assert.deepEqual([ended?.kind, ended?.kind === 'exited' && ended.exitCode], ['exited', 9])
    assert.equal(runtime.containers('stays')[0]?.state.kind, 'running')
    assert.equal((await runtime.exec({ ...web, podUid: 'stays' }, ['/bin/true'], { timeoutMs: 5000 })).exitCode, 0)
  })

  test('a container whose shim and runc were killed lives on, and its end is seen', async () => {
    await using bench = new RuntimeBench()
    const runtime = bench.openRuntime()
    runtime.start(web, bench.command('/bin/sleep', '60'))
    await until(runtime, 'pod-1', isRunning)
    const shim = readShim(containerDirectory(join(bench.directory, 'pods'), web))
    assert.ok(shim)
    process.kill(-shim.pid, 'SIGKILL')
    const again = bench.openRuntime()
    assert.equal(again.containers('pod-1')[0]?.state.kind, 'running')
    again.kill(web)
    const { state } = await until(again, 'pod-1', isExited)
    assert.equal(state.kind === 'exited' && state.reason, 'ContainerStatusUnknown')
  })

  test('removing a pod leaves no process, cgroup or file', async () => {
    const bench = new RuntimeBench()
    const runtime = bench.openRuntime()
    runtime.start(web, bench.command('/bin/sh', '-c', 'sleep 4711 & sleep 4712'))
    await until(runtime, 'pod-1', isRunning)
    await runtime.removePod('pod-1')
    assert.deepEqual(runtime.containers('pod-1'), [])
    assert.equal(existsSync(join(bench.directory, 'logs/pod-1')), false)
    assert.equal(existsSync(join(bench.directory, 'runc/pod-1-web-0')), false)
    assert.equal(existsSync(`/sys/fs/cgroup/pids${bench.cgroup}/c`), false)
    assert.equal(spawnSync('pgrep', ['-f', 'sleep 471[12]']).status, 1)
    await bench[Symbol.asyncDispose]()
  })
})

async function untilOutput(result: Promise<{ exitCode: number | undefined }>): Promise<void> {
  assert.equal((await result).exitCode, 0)
}
