import assert from 'node:assert/strict'
import { fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { killProcess, readProcessIdentity } from '../../src/linux/process.ts'
import { containerDirectory, readShim } from '../../src/node/runtime/container-directory.ts'
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
