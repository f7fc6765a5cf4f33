import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { allPids, readCommandLine } from '../../src/linux/process.ts'
import type { ContainerRecord, Runtime } from '../../src/node/runtime/runtime.ts'
import { RuntimeBench, until } from './node-bench.ts'

const talk = { podUid: 'pod-1', name: 'talk', attempt: 0 }
const isRunning = ({ state }: ContainerRecord) => state.kind === 'running'
const isExited = ({ state }: ContainerRecord) => state.kind === 'exited'

describe('what is written to containers', { timeout: 60_000 }, () => {
  test('its input goes on after the client that wrote, and after the agent, until it is ended', async () => {
    await using bench = new RuntimeBench()
    const before = bench.openRuntime()
    before.start(talk, { ...bench.command('/bin/cat'), stdin: true })
    await until(before, 'pod-1', isRunning)
    await write(before, 'one\n')
    const after = bench.openRuntime()
    await write(after, 'two\n')
    after.input(talk)?.end()
    const { state, logPath } = await until(after, 'pod-1', isExited)
    assert.equal(state.kind === 'exited' && state.exitCode, 0)
    assert.equal(readFileSync(logPath, 'utf8'), 'one\ntwo\n')
    assert.equal(after.input(talk), undefined)
  })

  test('a container without input has nothing to read', async () => {
    await using bench = new RuntimeBench()
    const runtime = bench.openRuntime()
    runtime.start(talk, bench.command('/bin/sh', '-c', 'cat; sleep 60'))
    await until(runtime, 'pod-1', isRunning)
    assert.equal(runtime.input(talk)?.open(), undefined)
  })

  test('a terminal: what is typed, what is shown, its size, its exit code', async () => {
    await using bench = new RuntimeBench()
    const runtime = bench.openRuntime()
    const script = 'read a; echo "got $a"; trap "stty size; exit 4" WINCH; echo ready; while :; do sleep 0.1; done'
    runtime.start(talk, { ...bench.command('/bin/sh', '-c', `tty; ${script}`), stdin: true, terminal: true })
    const { logPath } = await until(runtime, 'pod-1', isRunning)
    await shown(logPath, '/dev/pts')
    await write(runtime, 'hello\n')
    await shown(logPath, 'ready')
    runtime.input(talk)?.resize({ rows: 33, columns: 77 })
    const { state } = await until(runtime, 'pod-1', isExited)
    assert.equal(state.kind === 'exited' && state.exitCode, 4)
    assert.equal(readFileSync(logPath, 'utf8'), '/dev/pts/0\r\nhello\r\ngot hello\r\nready\r\n33 77\r\n')
  })

  test('the first client is told once', async () => {
    await using bench = new RuntimeBench()
    const runtime = bench.openRuntime()
    runtime.start(talk, { ...bench.command('/bin/cat'), stdin: true })
    await until(runtime, 'pod-1', isRunning)
    const input = runtime.input(talk)
    assert.deepEqual([input?.isFirst(), input?.isFirst(), runtime.input(talk)?.isFirst()], [true, false, false])
  })

  test('nothing is left of one that is removed while it waits for input', async () => {
    const bench = new RuntimeBench()
    {
      await using _disposed = bench
      const runtime = bench.openRuntime()
      runtime.start(talk, { ...bench.command('/bin/cat'), stdin: true })
      runtime.start({ ...talk, name: 'tty' }, { ...bench.command('/bin/cat'), stdin: true, terminal: true })
      await until(runtime, 'pod-1', () => runtime.containers('pod-1').every(isRunning))
    }
    const left = allPids().filter((pid) => readCommandLine(pid)?.some((word) => word.includes(bench.directory)))
    assert.deepEqual(left, [])
  })
})

async function write(runtime: Runtime, line: string): Promise<void> {
  const input = runtime.input(talk)?.open()
  assert.ok(input !== undefined)
  await new Promise((resolve) => input.end(line, () => resolve(undefined)))
}

async function shown(logPath: string, text: string): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (readFileSync(logPath, 'utf8').includes(text)) return
    await setTimeout(10)
  }
}
