import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { podShare } from './pod-share.ts'
import { testContainer, testPod } from './test-pods.ts'

const MI = 1 << 20
const place = { directory: '/pods/u/volumes', memory: '1Gi' }
const limited = (name: string, memory: string) => testContainer(name, { resources: { limits: { memory } } })
const inMemory = (sizeLimit?: string) => [
  { name: 'disk', emptyDir: {} },
  { name: 'm', emptyDir: { medium: 'Memory', ...(sizeLimit === undefined ? {} : { sizeLimit }) } },
]
const size = (...args: Parameters<typeof testPod>) => podShare(testPod(...args), place)?.memory[0]?.bytes

describe('what the containers of a pod share', () => {
  test('is mostly nothing that needs a process', () => {
    assert.equal(podShare(testPod({ volumes: [{ name: 'disk', emptyDir: {} }] }), place), undefined)
    assert.equal(podShare(testPod({ hostPID: true, shareProcessNamespace: false }), place), undefined)
  })
  test('volumes in memory, whose files belong to the group of the pod', () => {
    const pod = testPod({ volumes: inMemory(), securityContext: { fsGroup: 7 } })
    assert.deepEqual(podShare(pod, place), {
      memory: [{ target: '/pods/u/volumes/m', bytes: 1024 * MI, mode: 0o2777, gid: 7 }],
      processes: false,
    })
  })
  test('the least of size limit, memory of the pod, and of the node counts', () => {
    assert.equal(size({ volumes: inMemory('64Mi') }), 64 * MI)
    assert.equal(size({ volumes: inMemory('64Gi') }), 1024 * MI)
    assert.equal(size({ volumes: inMemory('0') }), 1024 * MI)
    const containers = [limited('a', '30Mi'), limited('b', '20Mi')]
    assert.equal(size({ volumes: inMemory('64Mi'), containers }), 50 * MI)
    assert.equal(size({ volumes: inMemory('40Mi'), containers }), 40 * MI)
    assert.equal(size({ volumes: inMemory(), containers, initContainers: [limited('i', '80Mi')] }), 80 * MI)
  })
  test('a container without limit leaves the pod without one', () => {
    assert.equal(size({ volumes: inMemory(), containers: [limited('a', '30Mi'), testContainer('b')] }), 1024 * MI)
  })
  test('one /dev/shm and one namespace of System V objects, where there is more than one container', () => {
    const two = [testContainer('a'), testContainer('b')]
    const shared = {
      memory: [{ target: '/pods/u/shm', bytes: 64 * MI, mode: 0o1777 }],
      processes: false,
      ipc: { shm: '/pods/u/shm' },
    }
    assert.deepEqual(podShare(testPod({ containers: two }), place), shared)
    assert.deepEqual(podShare(testPod({ initContainers: [testContainer('i')] }), place), shared)
    assert.equal(podShare(testPod({ containers: two, hostIPC: true }), place), undefined)
  })
  test('processes', () => {
    assert.deepEqual(podShare(testPod({ shareProcessNamespace: true }), place), { memory: [], processes: true })
  })
})
