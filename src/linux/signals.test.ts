import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { grantableCapabilities, isCapability } from './capabilities.ts'
import { signalDisposition, signalNumber } from './signals.ts'

test('signals have numbers', () => {
  const names = [
    'SIGTERM',
    'SIGKILL',
    'SIGUSR1',
    'SIGRTMIN',
    'SIGRTMIN+3',
    'SIGRTMAX-1',
    'SIGRTMAX+1',
    'TERM',
    'toString',
  ]
  assert.deepEqual(names.map(signalNumber), [15, 9, 10, 34, 37, 63, undefined, undefined, undefined])
})

test('what a process does about a signal is seen', async () => {
  const child = spawn('/bin/sh', ['-c', 'trap : TERM; trap "" INT; echo ready; read -r _'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  await once(child.stdout, 'data')
  const pid = child.pid ?? 0
  const kinds = [15, 2, 10].map((signal) => signalDisposition(pid, signal)?.kind)
  child.stdin.end()
  await once(child, 'exit')
  assert.deepEqual(kinds, ['caught', 'ignored', 'default'])
  assert.equal(signalDisposition(pid, 15), undefined)
})

test('capabilities are known by name', () => {
  assert.equal(isCapability('CAP_NET_ADMIN'), true)
  assert.equal(isCapability('CAP_FLY'), false)
  assert.ok(grantableCapabilities().every(isCapability))
})
