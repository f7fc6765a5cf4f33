import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { NftSocket } from '../../linux/nftables/socket.ts'
import { TestNamespaces } from '../../linux/test-namespaces.ts'
import { WatchPoint } from './watch-point.ts'

test('a process that is killed leaves no table', async () => {
  using spaces = new TestNamespaces()
  const netns = spaces.create('watched')
  using rules = NftSocket.open(netns)
  const child = fileURLToPath(new URL('watch-point.test-child.ts', import.meta.url))
  const process = spawn('node', ['--import', 'tsx', child, netns], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(process.stdout, 'data')
  assert.match(rules.tables('inet')[0]?.table ?? '', /^fairlead-trace-/)
  process.kill('SIGKILL')
  await once(process, 'close')
  assert.deepEqual(rules.tables('inet'), [])
})

test('two who watch the same namespace at the same time do not disturb each other', () => {
  using spaces = new TestNamespaces()
  const netns = spaces.create('watched')
  using rules = NftSocket.open(netns)
  const nonce = { number: 7, protocol: 17 } as const
  {
    using one = new WatchPoint({ kind: 'vpc' }, netns, nonce)
    using other = new WatchPoint({ kind: 'vpc' }, netns, nonce)
    assert.deepEqual([one.events(), other.events()], [[], []])
    assert.equal(rules.tables('inet').length, 2)
  }
  assert.deepEqual(rules.tables('inet'), [])
})
