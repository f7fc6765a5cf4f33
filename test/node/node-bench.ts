import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { removeCgroup } from '../../src/linux/cgroup.ts'
import { createNetns, deleteNetns } from '../../src/linux/netns.ts'
import { createHostView, type HostView } from '../../src/node/runtime/host-view.ts'
import { findRunc } from '../../src/node/runtime/runc-command.ts'
import { RuncRuntime } from '../../src/node/runtime/runc-runtime.ts'
import type { ContainerRecord, Runtime } from '../../src/node/runtime/runtime.ts'

let next = 0

/** A real runtime in directories and a network namespace of the test's own; disposing leaves nothing. */
export class RuntimeBench implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'fl-node-'))
  readonly netnsName = `fl-t${process.pid}-${next++}`
  readonly netns = createNetns(this.netnsName)
  readonly cgroup = `/fairlead/t${process.pid}`
  readonly hostView: HostView = createHostView(join(this.directory, 'host-view'))
  readonly #runtimes: Runtime[] = []

  /** Another runtime on the same directories is what a restarted agent has. */
  openRuntime(): RuncRuntime {
    const runtime = new RuncRuntime({
      runc: findRunc(join(this.directory, 'runc')),
      podsDirectory: join(this.directory, 'pods'),
      logsDirectory: join(this.directory, 'logs'),
      clock: systemClock,
      log: silentLog,
    })
    this.#runtimes.push(runtime)
    return runtime
  }

  /** What {@link Runtime.start} takes for a command on the view of the host. */
  command(...args: string[]) {
    return {
      args,
      env: ['PATH=/usr/bin:/bin'],
      workingDirectory: '/',
      user: { uid: 0, gid: 0 },
      hostname: 'bench',
      netns: this.netns,
      cgroup: `${this.cgroup}/c`,
      lower: this.hostView.lower,
      mounts: this.hostView.mounts,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const runtime = this.openRuntime()
    await Promise.all(runtime.pods().map((uid) => runtime.removePod(uid)))
    for (const each of this.#runtimes) each[Symbol.dispose]()
    deleteNetns(this.netnsName)
    await removeCgroup(this.cgroup)
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** Resolves with the newest run of a pod once it fulfils the condition. */
export function until(
  runtime: Runtime,
  podUid: string,
  condition: (record: ContainerRecord) => boolean,
): Promise<ContainerRecord> {
  return new Promise((resolve) => {
    const look = () => {
      const record = runtime.containers(podUid).at(-1)
      if (record !== undefined && condition(record)) resolve(record)
    }
    runtime.onChange(look)
    look()
  })
}
