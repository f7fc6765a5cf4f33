import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { isFairleadError } from '../base/error.ts'
import { isAlive, readProcessIdentity } from '../linux/process.ts'
import { askToStop, isClusterRun, lockCluster } from './cluster-lock.ts'

const ROOTS = { run: '/nowhere/run', state: '/nowhere/state' }

/** A process that has a cluster, and takes a while to end when that is gone. */
const SLOW_TO_END = `
import { lockCluster } from ${JSON.stringify(new URL('cluster-lock.ts', import.meta.url).pathname)}
setInterval(() => {}, 1000)
const [name, roots] = JSON.parse(process.argv[1])
const lock = await lockCluster(name, roots, { endsProcess: true })
process.stdout.write('locked')
await lock.stopAsked
await lock[Symbol.asyncDispose]()
setTimeout(() => process.exit(0), 300)
`

test('one process has a cluster, and another one may ask it to stop', async () => {
  const name = `lock-${process.pid}`
  assert.equal(await askToStop(name, ROOTS), false)
  const lock = await lockCluster(name, ROOTS)
  assert.equal(await isClusterRun(name, ROOTS), true)
  await assert.rejects(lockCluster(name, ROOTS), (error) => isFairleadError(error, 'ALREADY_RUNNING'))
  const asked = askToStop(name, ROOTS)
  await lock.stopAsked
  await lock[Symbol.asyncDispose]()
  assert.equal(await asked, true)
  assert.equal(await isClusterRun(name, ROOTS), false)
})

test('the end of a process that ends with its cluster is waited for', async () => {
  const name = `slow-${process.pid}`
  const args = ['--import', 'tsx', '--input-type=module', '-e', SLOW_TO_END, JSON.stringify([name, ROOTS])]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  const identity = readProcessIdentity(child.pid ?? 0)
  assert.ok(identity)
  const exited = once(child, 'exit')
  assert.equal(await askToStop(name, ROOTS), true)
  assert.equal(isAlive(identity), false)
  await exited
})
