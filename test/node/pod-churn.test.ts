import assert from 'node:assert/strict'
import { test } from 'node:test'
import { run } from '../../bench/pods.ts'
import { builtPrograms } from '../cluster/built-programs.ts'
import { unavailable } from '../kubectl/kubectl.ts'

/** The benchmark with `--cycles 1000` is the same at length. */
test('pods that come and go leave nothing', { skip: unavailable, timeout: 120_000 }, async () => {
  builtPrograms()
  const { leaked } = await run(['--pods', '10', '--cycles', '40', '--batch', '10'])
  const { files, ...rest } = leaked as Record<string, number>
  assert.deepEqual(rest, { namespaces: 0, mounts: 0, processes: 0, cgroups: 0, addresses: 0, hostPorts: 0 })
  // Connections to the API server come and go, up to a bound; 40 pods that left one each would show.
  assert.ok((files ?? 0) <= 32, `${files} descriptors more`)
})
