import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { distDirectory } from '../../src/cluster/cluster.ts'
import { ask } from '../../src/cluster/vantage.ts'
import type { Pod } from '../../src/kube/types/core.ts'
import { dockerSave, ociLayout, tar, writeEntries } from '../../src/node/images/test-archive.ts'
import { eventOf } from './pod-events.ts'
import { startTrafficCluster, type TrafficCluster } from './traffic-cluster.ts'

const runFile = promisify(execFile)

describe('images', () => {
  let on: TrafficCluster
  let shell: readonly ShellFile[]
  before(async () => {
    on = await startTrafficCluster({ nodes: 1 })
    shell = await shellFiles()
  })
  after(() => on?.[Symbol.asyncDispose]())

  /** `fairlead image ...`, as a person types it. */
  const image = async (...args: readonly string[]) => {
    const env = { ...process.env, FAIRLEAD_STATE_DIR: join(on.directory, 'state'), NO_COLOR: '1' }
    return runFile(process.execPath, [join(distDirectory(), 'fairlead.js'), 'image', ...args], { env })
  }
  const path = (name: string) => join(on.directory, name)

  /** Runs a container to its end; how it ended. */
  const exitOf = async (name: string, container: string): Promise<number | undefined> => {
    await on.apply(podOf(name, `restartPolicy: Never\ncontainers: [{ name: one, ${container} }]`))
    const pod = await on.until(`${name} to end`, () => ended(on.watch.pod(name)))
    return pod.status?.containerStatuses?.[0]?.state?.terminated?.exitCode
  }

  test('a program becomes an image that runs among the tools of this machine', async () => {
    copyFileSync('/bin/dash', path('worker'))
    const { stderr } = await image('add', 'acme/worker:1', path('worker'))
    assert.match(stderr, /image docker\.io\/acme\/worker:1 is a copy of .*\/worker/)
    const script = 'test "$0" = /worker && dig -v 2>/dev/null && exit 42'
    assert.equal(await exitOf('worker', `image: "acme/worker:1", args: [-c, '${script}']`), 42)
    const { stdout } = await image('list')
    assert.match(stdout, /^NAME +KIND +FROM +ADDED\ndocker\.io\/acme\/worker:1 +binary +/)
  })

  test('an image with an entrypoint of its own', async () => {
    copyFileSync('/bin/dash', path('greeter'))
    await image('add', 'greeter', path('greeter'), '--entrypoint=/greeter', '--entrypoint=-c', '--entrypoint=exit 43')
    assert.equal(await exitOf('greeter', 'image: greeter'), 43)
  })

  test('a directory becomes a root file system, with nothing else in it, and stays as it is', async () => {
    const root = path('rootfs')
    for (const file of shell) place(root, file)
    mkdirSync(join(root, 'etc'), { recursive: true })
    writeFileSync(join(root, 'etc/motd'), 'from the directory\n')
    await image('add', 'registry.example/rootfs', root)
    const script =
      'read line < /etc/motd; test "$line" = "from the directory" && test ! -e /usr/bin && echo x > /new && exit 44'
    assert.equal(await exitOf('rootfs', `image: "registry.example/rootfs", command: [/bin/sh, -c, '${script}']`), 44)
    assert.throws(() => readFileSync(join(root, 'new')), { code: 'ENOENT' })
  })

  test('an archive of docker save, with its layers and its configuration', async () => {
    const config = {
      Entrypoint: ['/bin/sh', '-c'],
      Cmd: ['read line < motd; test "$line" = second && test ! -e /old && test "$WHO" = archive && exit 45'],
      Env: ['WHO=archive'],
      WorkingDir: '/etc',
    }
    const first = tar([...shell.map(tarEntry), file('etc/motd', 'first\n'), file('old', '')])
    const second = tar([file('etc/motd', 'second\n'), file('.wh.old', '')])
    writeFileSync(path('saved.tar'), tar(dockerSave({ layers: [first, second], config })))
    await image('add', 'saved', path('saved.tar'))
    assert.equal(await exitOf('saved', 'image: "saved:latest"'), 45)
  })

  test('an OCI layout, in an archive and as a directory', async () => {
    const config = { Cmd: ['/bin/sh', '-c', 'exit 46'] }
    const entries = ociLayout({ layers: [tar(shell.map(tarEntry))], config })
    writeFileSync(path('oci.tar'), tar(entries))
    writeEntries(path('oci'), entries)
    await image('add', 'ghcr.io/acme/oci:v1', path('oci.tar'))
    await image('add', 'ghcr.io/acme/oci:v2', path('oci'))
    assert.equal(await exitOf('oci-1', 'image: "ghcr.io/acme/oci:v1"'), 46)
    assert.equal(await exitOf('oci-2', 'image: "ghcr.io/acme/oci:v2"'), 46)
  })

  test('what cannot be run is refused with one sentence', async () => {
    writeFileSync(path('letter.txt'), 'Dear reader')
    for (const [from, pattern] of [
      [path('letter.txt'), /it is no program, root file system or image archive/],
      [path('nowhere'), /nowhere/],
    ] as const) {
      const failure = await image('add', 'letter', from).then(
        () => assert.fail('it was added'),
        (error: { code: number; stderr: string }) => error,
      )
      assert.match(failure.stderr, pattern)
      assert.doesNotMatch(failure.stderr, /\n {4}at /, 'no stack trace')
      assert.notEqual(failure.code, 0)
    }
  })

  test('nginx is played by the echo server on the ports that it declares, and an Event says so', async () => {
    await on.apply(
      podOf(
        'web',
        'containers: [{ name: nginx, image: "nginx:1.27", ports: [{ containerPort: 8081 }, { containerPort: 8082 }] }]',
      ),
    )
    await on.apply(podOf('plain', 'containers: [{ name: nginx, image: nginx }]'))
    const node = on.node('node-1')
    for (const [name, ports] of [
      ['web', [8081, 8082]],
      ['plain', [80]],
    ] as const) {
      const pod = await on.readyPod(name)
      for (const port of ports)
        assert.equal(
          (await answered(() => ask(node, { host: pod.status?.podIP ?? '', port, protocol: 'TCP' }))).pod,
          name,
        )
      const event = await eventOf(on, pod, 'ImageSubstituted')
      assert.equal(event.type, 'Normal')
      assert.match(
        event.message ?? '',
        /^Image "docker\.io\/library\/nginx:[\w.]+" is not pulled: fairlead\/echo answers in its place; to run the image itself: fairlead image add /,
      )
    }
  })

  test("agnhost of Kubernetes' own tests does its work for networks, by its former names too", async () => {
    const probe = 'readinessProbe: { httpGet: { path: /healthz, port: 8080 } }'
    const image = 'image: "registry.k8s.io/e2e-test-images/agnhost:2.53"'
    await on.apply(podOf('netexec', `containers: [{ name: one, ${image}, args: [netexec], ${probe} }]`))
    const pod = await on.readyPod('netexec')
    const event = await eventOf(on, pod, 'ImageSubstituted')
    assert.match(event.message ?? '', /a program that knows its subcommands for networks runs in its place/)
    const address = `${pod.status?.podIP}:8080`
    const script = `/agnhost-2 connect ${address} --timeout=20s && exit 47`
    const former = 'image: "k8s.gcr.io/e2e-test-images/agnhost:2.21"'
    assert.equal(await exitOf('connect', `${former}, command: [/bin/sh, -c, "${script}"]`), 47)
    assert.equal(await exitOf('guestbook', `${former}, command: [/agnhost, guestbook]`), 1)
  })

  test('pause waits, by the path that manifests call it by', async () => {
    await on.apply(podOf('waiting', 'containers: [{ name: one, image: "k8s.gcr.io/pause:3.2", command: [/pause] }]'))
    const pod = await on.readyPod('waiting')
    assert.equal((await eventOf(on, pod, 'ImageSubstituted')).type, 'Normal')
  })

  test('an unknown image waits and says how to add it; once it is there, the pod starts', async () => {
    await on.apply(
      podOf(
        'stranger',
        'containers: [{ name: one, image: "ghcr.io/acme/stranger:2", command: [/stranger, -c, "sleep 1000"] }]',
      ),
    )
    const reasons = new Set<string>()
    const waiting = await on.until('the pull to back off', () => {
      const status = on.watch.pod('stranger')?.status?.containerStatuses?.[0]
      if (status?.state?.waiting?.reason !== undefined) reasons.add(status.state.waiting.reason)
      return status?.state?.waiting?.reason === 'ImagePullBackOff' ? status.state.waiting : undefined
    })
    assert.ok(reasons.has('ErrImagePull'), [...reasons].join(', '))
    const hint = /add it with: fairlead image add ghcr\.io\/acme\/stranger:2 PATH/
    assert.match(waiting.message ?? '', hint)
    const pod = on.watch.pod('stranger')
    assert.ok(pod)
    const failed = await eventOf(on, pod, 'Failed')
    assert.equal(failed.type, 'Warning')
    assert.match(failed.message ?? '', hint)
    assert.equal((await eventOf(on, pod, 'BackOff')).message, 'Back-off pulling image "ghcr.io/acme/stranger:2"')
    copyFileSync('/bin/dash', path('stranger'))
    await image('add', 'ghcr.io/acme/stranger:2', path('stranger'))
    await on.readyPod('stranger')
  })

  test('a name that is none is told apart', async () => {
    await on.apply(podOf('bad', 'containers: [{ name: one, image: "Not A Name" }]'))
    const reason = await on.until('the reason', () => {
      const waiting = on.watch.pod('bad')?.status?.containerStatuses?.[0]?.state?.waiting?.reason
      return waiting === 'ContainerCreating' ? undefined : waiting
    })
    assert.equal(reason, 'InvalidImageName')
  })
})

interface ShellFile {
  /** Path in the image. */
  readonly path: string
  readonly source: string
}

/** A shell and what it needs to run, by the word of ldd. */
async function shellFiles(): Promise<ShellFile[]> {
  const { stdout } = await runFile('ldd', ['/bin/dash'])
  const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, library = '']) => library)
  return [
    { path: 'bin/sh', source: '/bin/dash' },
    ...libraries.map((library) => ({ path: library.slice(1), source: library })),
  ]
}

function place(root: string, { path, source }: ShellFile): void {
  mkdirSync(join(root, dirname(path)), { recursive: true })
  copyFileSync(source, join(root, path))
}

function tarEntry({ path, source }: ShellFile) {
  return { path, content: readFileSync(source), mode: 0o755 }
}

function file(path: string, content: string) {
  return { path, content, mode: basename(path) === 'sh' ? 0o755 : 0o644 }
}

function podOf(name: string, spec: string): string {
  const lines = spec.split('\n').map((line) => `  ${line}`)
  return `apiVersion: v1\nkind: Pod\nmetadata: { name: ${name} }\nspec:\n  terminationGracePeriodSeconds: 1\n${lines.join('\n')}\n`
}

function ended(pod: Pod | undefined): Pod | undefined {
  return pod?.status?.phase === 'Succeeded' || pod?.status?.phase === 'Failed' ? pod : undefined
}

/** A container counts as ready before its program listens when it has no probe. */
async function answered<R>(attempt: () => Promise<R>): Promise<R> {
  for (let i = 0; ; i++) {
    try {
      return await attempt()
    } catch (error) {
      if (i === 1000) throw error
    }
  }
}
