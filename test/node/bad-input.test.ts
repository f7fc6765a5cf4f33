import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Pod } from '../../src/kube/types/core.ts'
import { openImageStore } from '../../src/node/images/image-store.ts'
import { dockerSave, type TestEntry, tar } from '../../src/node/images/test-archive.ts'
import { unavailable } from '../kubectl/kubectl.ts'
import { PodCluster } from '../kubectl/pod-cluster.ts'
import { ended, manifestOf, type Row, shell, shown } from './pod-table.ts'

const EVENTS = 'events --for=pod/{} --no-headers'
const WAITING = 'get pod {} -o jsonpath={.status.containerStatuses[0].state.waiting.message}'
const TERMINATED =
  'get pod {} -o jsonpath={.status.containerStatuses[0].state.terminated.reason}/{.status.containerStatuses[0].state.terminated.exitCode}'

const waits =
  (...reasons: string[]) =>
  ({ status }: Pod) =>
    reasons.includes(status?.containerStatuses?.[0]?.state?.waiting?.reason ?? '')
const hasAddress = ({ status }: Pod) => status?.podIP !== undefined

const ROWS: readonly Row[] = [
  {
    name: 'missing-binary',
    spec: `restartPolicy: Never, containers: [{ name: main, image: fairlead/client, command: [/no/such/program] }]`,
    until: ended,
    shows: [
      [
        'get pod {} -o jsonpath={.status.containerStatuses[0].state.terminated.reason}/{.status.containerStatuses[0].state.terminated.exitCode}',
        /^StartError\/128$/,
      ],
      [EVENTS, /Warning\s+Failed\s+Pod\/missing-binary\s+Error: .*no such file or directory/],
    ],
  },
  {
    name: 'failing-init',
    spec: `restartPolicy: Never, initContainers: [{ name: first, image: fairlead/client, command: [/bin/false] }], containers: [{ ${shell('true')} }]`,
    until: ended,
    shows: [['get pod {} --no-headers', /Init:Error/]],
  },
  {
    name: 'unknown-volume',
    spec: `volumes: [{ name: v, nfs: { server: 192.0.2.1, path: / } }], containers: [{ ${shell('true', 'volumeMounts: [{ name: v, mountPath: /v }]')} }]`,
    until: hasAddress,
    shows: [['get pod {} --no-headers', /ContainerCreating/]],
  },
  {
    name: 'other-runtime',
    spec: `runtimeClassName: boxed, containers: [{ ${shell('true')} }]`,
    until: ({ spec }) => spec.nodeName !== undefined,
    shows: [
      [
        EVENTS,
        /Warning\s+FailedCreatePodSandBox\s+Pod\/other-runtime\s+Failed to create pod sandbox: no runtime for "box" is/,
      ],
      ['get pod {} --no-headers', /0\/1\s+ContainerCreating/],
    ],
  },
  {
    name: 'wrong-user',
    spec: `containers: [{ ${shell('true', 'securityContext: { runAsUser: 0, runAsNonRoot: true }')} }]`,
    until: waits('CreateContainerConfigError'),
    shows: [
      [
        'get pod {} -o jsonpath={.status.containerStatuses[0].state.waiting.message}',
        /^container's runAsUser breaks non-root policy \(pod: "wrong-user_default/,
      ],
    ],
  },
  {
    name: 'non-root',
    spec: `containers: [{ ${shell('true', 'securityContext: { runAsNonRoot: true }')} }]`,
    until: waits('CreateContainerConfigError'),
    shows: [
      [
        EVENTS,
        /Error: container has runAsNonRoot and image will run as root \(pod: "non-root_default\([-0-9a-f]+\)", container: main\)/,
      ],
    ],
  },
  {
    name: 'missing-binary-again',
    spec: `containers: [{ name: main, image: fairlead/client, command: [/no/such/program] }]`,
    until: waits('CrashLoopBackOff'),
    shows: [
      [
        'get pod {} -o jsonpath={.status.containerStatuses[0].lastState.terminated.reason}:{.status.containerStatuses[0].lastState.terminated.message}',
        /^StartError:.*exec: "\/no\/such\/program": stat \/no\/such\/program: no such file or directory/,
      ],
    ],
  },
  {
    name: 'exec-format',
    spec: `restartPolicy: Never, containers: [{ name: main, image: fairlead/client, command: [/etc/hosts] }], initContainers: [{ name: mode, image: fairlead/client, command: [/bin/true] }]`,
    until: ended,
    shows: [
      [TERMINATED, /^StartError\/128$/],
      [EVENTS, /Warning\s+Failed\s+Pod\/exec-format\s+Error: .*exec: "\/etc\/hosts": permission denied/],
    ],
  },
  {
    name: 'no-interpreter',
    spec: `restartPolicy: Never, volumes: [{ name: v, configMap: { name: scripts, defaultMode: 493 } }], containers: [{ name: main, image: fairlead/client, command: [/v/run], volumeMounts: [{ name: v, mountPath: /v }] }]`,
    until: ended,
    shows: [
      [TERMINATED, /^(StartError\/128|Error\/\d+)$/],
      ['get pod {} -o jsonpath={.status.containerStatuses[0].state.terminated.message}', /exec format error|^$/],
    ],
  },
  {
    name: 'working-directory',
    spec: `restartPolicy: Never, containers: [{ name: main, image: fairlead/client, workingDir: /etc/hostname, command: [/bin/true] }]`,
    until: ended,
    shows: [[EVENTS, /Warning\s+Failed\s+Pod\/working-directory\s+Error: .*not a directory/]],
  },
  {
    name: 'unknown-references',
    spec: `restartPolicy: Never, containers: [{ ${shell('echo "$A $B $C"', 'env: [{ name: A, value: $(NOBODY) }, { name: B, value: $$(A) }, { name: C, value: "$(A)$(" }]')} }]`,
    until: ended,
    shows: [['logs {}', /^\$\(NOBODY\) \$\(A\) \$\(NOBODY\)\$\(\n$/]],
  },
  {
    name: 'missing-key',
    spec: `containers: [{ ${shell('true', 'env: [{ name: A, valueFrom: { configMapKeyRef: { name: scripts, key: nothing } } }]')} }]`,
    until: waits('CreateContainerConfigError'),
    shows: [
      [WAITING, /^couldn't find key nothing in ConfigMap default\/scripts$/],
      [EVENTS, /Warning\s+Failed\s+Pod\/missing-key\s+Error: couldn't find key nothing in ConfigMap default\/scripts/],
    ],
  },
  {
    name: 'missing-map',
    spec: `containers: [{ ${shell('true', 'envFrom: [{ secretRef: { name: nowhere } }]')} }]`,
    until: waits('CreateContainerConfigError'),
    shows: [[WAITING, /^secret "nowhere" not found$/]],
  },
  {
    name: 'missing-volume',
    spec: `volumes: [{ name: v, configMap: { name: nowhere } }], containers: [{ ${shell('true', 'volumeMounts: [{ name: v, mountPath: /v }]')} }]`,
    until: hasAddress,
    shows: [
      ['get pod {} --no-headers', /0\/1\s+ContainerCreating/],
      [
        EVENTS,
        /Warning\s+FailedMount\s+Pod\/missing-volume\s+MountVolume.SetUp failed for volume "v" : configmap "nowhere" not found/,
      ],
    ],
  },
  {
    name: 'image-unknown',
    spec: `containers: [{ name: main, image: registry.example/nothing:1 }]`,
    until: waits('ErrImagePull', 'ImagePullBackOff'),
    shows: [
      [
        EVENTS,
        /Warning\s+Failed\s+Pod\/image-unknown\s+Failed to pull image "registry.example\/nothing:1": .*fairlead image add/,
      ],
      [EVENTS, /Normal\s+BackOff\s+Pod\/image-unknown\s+Back-off pulling image "registry.example\/nothing:1"/],
    ],
  },
  {
    name: 'image-invalid',
    spec: `containers: [{ name: main, image: "Bad//Image:::" }]`,
    until: waits('InvalidImageName'),
    shows: [
      [
        EVENTS,
        /Warning\s+InspectFailed\s+Pod\/image-invalid\s+Failed to apply default image tag "Bad\/\/Image:::": couldn't parse image name "Bad\/\/Image:::": invalid reference format/,
      ],
    ],
  },
  {
    name: 'capability',
    spec: `containers: [{ ${shell('true', 'securityContext: { capabilities: { add: [NO_SUCH] } }')} }]`,
    until: waits('CreateContainerError'),
    shows: [[EVENTS, /Warning\s+Failed\s+Pod\/capability\s+Error: unknown capability "CAP_NO_SUCH"/]],
  },
  {
    name: 'seccomp-file',
    spec: `containers: [{ ${shell('true', 'securityContext: { seccompProfile: { type: Localhost, localhostProfile: mine.json } }')} }]`,
    until: waits('CreateContainerError'),
    shows: [[WAITING, /^cannot load seccomp profile "mine.json"/]],
  },
]

const BOXED = '{ apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: { name: boxed }, handler: box }'
const SCRIPTS = '{ apiVersion: v1, kind: ConfigMap, metadata: { name: scripts }, data: { run: "no program" } }'

/** Bytes of the log line that nobody should write. */
const LINE = 2 ** 30
/** What an agent may have at its peak, in KiB. */
const MAXIMUM_RSS_KIB = 300 * 1024

describe('bad input', { skip: unavailable, timeout: 180_000 }, () => {
  let cluster: PodCluster
  before(async () => {
    cluster = await PodCluster.start()
    await cluster.traffic.apply([SCRIPTS, BOXED, ...ROWS.map(manifestOf)].join('\n---\n'))
  })
  after(async () => {
    await cluster?.[Symbol.asyncDispose]()
  })

  for (const row of ROWS) {
    test(row.name, async () => {
      await cluster.traffic.until(row.name, () => {
        const pod = cluster.traffic.watch.pod(row.name)
        return pod !== undefined && row.until(pod) ? pod : undefined
      })
      for (const show of row.shows) assert.match(await shown(cluster, row, show), show[1])
    })
  }

  test('archives that lead out of their root are refused, and their image is missing', async () => {
    const { layout } = cluster.traffic.cluster
    const store = openImageStore({ directory: layout.imageDirectory })
    const secret = cluster.path('secret')
    const hostile: Readonly<Record<string, readonly TestEntry[]>> = {
      dots: [{ path: `../../../../../../../../../../..${secret}`, content: 'x' }],
      absolute: [{ path: secret, content: 'x' }],
      link: [
        { path: 'out', flag: '2', linkPath: cluster.path('') },
        { path: 'out/secret', content: 'x' },
      ],
      'hard-link': [
        { path: 'hosts', flag: '1', linkPath: '/etc/hosts' },
        { path: 'hosts', content: 'x' },
      ],
    }
    for (const [name, entries] of Object.entries(hostile)) {
      const path = cluster.path(`${name}.tar`)
      writeFileSync(path, tar(dockerSave({ layers: [tar(entries)] })))
      // Inside of the root, or refused; never elsewhere.
      await store.add(`hostile-${name}:1`, path).catch((error: unknown) => {
        assert.equal((error as { code?: string }).code, 'IMAGE_INVALID', name)
      })
      assert.ok(!existsSync(secret), name)
    }
    assert.ok(!store.list().some(({ name }) => name.includes('hostile-dots')))
    const row: Row = {
      name: 'hostile',
      spec: 'containers: [{ name: main, image: "hostile-dots:1" }]',
      until: waits('ErrImagePull', 'ImagePullBackOff'),
      shows: [],
    }
    await cluster.traffic.apply(manifestOf(row))
    await cluster.traffic.until('hostile to wait', () => {
      const pod = cluster.traffic.watch.pod('hostile')
      return pod !== undefined && row.until(pod) ? pod : undefined
    })
  })

  test('a line of a gigabyte takes neither the memory of the agent nor the disk', async () => {
    const { traffic } = cluster
    const row: Row = {
      name: 'long-line',
      spec: `nodeName: node-1, restartPolicy: Never, containers: [{ ${shell(`head -c ${LINE} /dev/zero | tr '\\0' x; echo; echo end`)} }]`,
      until: ended,
      shows: [['logs {} --tail=1', /^end\n$/]],
    }
    await traffic.apply(manifestOf(row))
    await traffic.until('the line', () => {
      const pod = traffic.watch.pod('long-line')
      return pod !== undefined && ended(pod) ? pod : undefined
    })
    for (const show of row.shows) assert.match(await shown(cluster, row, show), show[1])
    const kept = await cluster.run(['logs', 'long-line', '--limit-bytes=1000'])
    assert.equal(kept.code, 0)
    const agent = traffic.cluster.processes().get('node-1')
    const peak = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${agent}/status`, 'utf8'))?.[1]
    assert.ok(Number(peak) < MAXIMUM_RSS_KIB, `${peak} KiB`)
    const uid = traffic.watch.pod('long-line')?.metadata.uid ?? ''
    const { stateDirectory } = traffic.cluster.layout
    const log = join(stateDirectory, 'nodes', 'node-1', 'pods', uid, 'main', '0.log')
    const [blocks] = (await traffic.run(traffic.node('node-1'), 'du', ['-k', log])).split('\t')
    assert.ok(Number(blocks) < 16 * 1024, `${blocks} KiB`)
  })

  test('the nodes stay ready through all of it', async () => {
    assert.match(
      await cluster.show('get', 'nodes', '--no-headers'),
      /^node-1\s+Ready\s[^\n]*\nnode-2\s+Ready\s[^\n]*\n$/,
    )
    assert.deepEqual([...traffic().cluster.processes().keys()].sort(), ['control-plane', 'node-1', 'node-2'])
  })
  const traffic = () => cluster.traffic
})
