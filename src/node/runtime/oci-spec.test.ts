import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { lastRuncError } from './container-directory.ts'
import { type ContainerConfig, ociSpec } from './oci-spec.ts'

const config: ContainerConfig = {
  args: ['/bin/web'],
  env: ['A=1'],
  workingDirectory: '/srv',
  user: { uid: 0, gid: 0 },
  hostname: 'web-1',
  netns: '/run/netns/x',
  cgroup: '/fairlead/demo/node-1/uid/web',
  root: { lower: '/l', upper: '/u', work: '/w' },
  mounts: [{ source: '/etc/x', destination: '/etc/x', readOnly: true }],
}

interface Spec {
  readonly process: { readonly capabilities: Record<string, string[]>; readonly noNewPrivileges: boolean }
  readonly mounts: {
    readonly destination: string
    readonly type: string
    readonly source?: string
    readonly options: string[]
  }[]
  readonly linux: {
    readonly namespaces: { type: string; path?: string }[]
    readonly cgroupsPath: string
    readonly resources: object
  }
}
const specOf = (more: Partial<ContainerConfig> = {}) => ociSpec({ ...config, ...more }) as Spec

describe('the OCI bundle', () => {
  test('the root is an overlay within the container, mounted first', () => {
    const [first] = specOf().mounts
    assert.deepEqual(first, {
      destination: '/',
      type: 'overlay',
      source: 'overlay',
      options: ['lowerdir=/l', 'upperdir=/u', 'workdir=/w'],
    })
  })
  test('directories that the kernel would misread are refused', () => {
    for (const lower of ['/a,b', '/a:b', '/a\\b']) {
      assert.throws(() => specOf({ root: { ...config.root, lower } }), { code: 'INVALID_INPUT' })
    }
  })
  test('namespaces of its own, the network of the pod', () => {
    assert.deepEqual(specOf().linux.namespaces, [
      { type: 'pid' },
      { type: 'ipc' },
      { type: 'uts' },
      { type: 'mount' },
      { type: 'network', path: '/run/netns/x' },
    ])
    const { netns: _, ...hostNetwork } = config
    assert.ok(!(ociSpec(hostNetwork) as Spec).linux.namespaces.some(({ type }) => type === 'network'))
  })
  test("what the pod asks for is the machine's, or the pod's", () => {
    const { namespaces } = specOf({ hostProcesses: true, hostIpc: true }).linux
    assert.deepEqual(
      namespaces.map(({ type }) => type),
      ['uts', 'mount', 'network'],
    )
    const shared = specOf({ holder: { pid: 77, share: { memory: [], processes: true } } }).linux
    assert.deepEqual(shared.namespaces[0], { type: 'pid', path: '/proc/77/ns/pid' })
    const ipc = specOf({ holder: { pid: 77, share: { memory: [], processes: false, ipc: { shm: '/pods/u/shm' } } } })
    assert.deepEqual(ipc.linux.namespaces.slice(0, 2), [{ type: 'pid' }, { type: 'ipc', path: '/proc/77/ns/ipc' }])
    assert.equal(ipc.mounts.find(({ destination }) => destination === '/dev/shm')?.source, '/pods/u/shm')
    const shm = specOf({ hostIpc: true }).mounts.find(({ destination }) => destination === '/dev/shm')
    assert.equal(shm?.type, 'bind')
  })
  test('root has the usual capabilities, others have none', () => {
    assert.ok(specOf().process.capabilities.effective?.includes('CAP_NET_BIND_SERVICE'))
    assert.ok(!specOf().process.capabilities.bounding?.includes('CAP_SYS_ADMIN'))
    assert.deepEqual(specOf({ user: { uid: 1, gid: 1 } }).process.capabilities.effective, [])
  })
  test('mounts of the machine are private and read-only as said', () => {
    assert.deepEqual(specOf().mounts.at(-1)?.options, ['rbind', 'rprivate', 'ro'])
  })
  test('limits', () => {
    const devices = [{ allow: false, access: 'rwm' }]
    assert.deepEqual(specOf().linux.resources, { devices })
    assert.deepEqual(specOf({ limits: { memory: 5, cpu: { shares: 2 } } }).linux.resources, {
      devices,
      memory: { limit: 5 },
      cpu: { shares: 2 },
    })
  })
})

test("runc's last error is told without what surrounds it", () => {
  const log =
    '{"level":"warning","msg":"w"}\n{"level":"error","msg":"runc run failed: exec: \\"/x\\": not found","time":"t"}\n'
  assert.equal(lastRuncError(log), 'exec: "/x": not found')
  assert.equal(lastRuncError('half a li'), 'the container runtime gave no reason')
})
