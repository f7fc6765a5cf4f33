import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { namespaces, serviceAccounts } from '../../src/kube/resource.ts'
import { poll } from '../cluster/poll.ts'
import { startTrafficCluster, type TrafficCluster } from '../traffic/traffic-cluster.ts'
import { findKubectls, type KubectlProgram } from './kubectl-versions.ts'
import { runTranscript, TRANSCRIPTS } from './transcript-run.ts'

const programs = findKubectls()
const names = readdirSync(TRANSCRIPTS).filter((name) => name.endsWith('.txt'))
const mode = process.env.FAIRLEAD_TRANSCRIPTS
const skip = programs.length === 0 && 'kubectl is not installed'

/** To save time, one version between the oldest and the newest runs these, the other the rest. */
const HALF: readonly string[] = ['apply.txt', 'look.txt', 'output.txt']

/** Why this version does not run this transcript; `false` when it does. */
function left({ role }: KubectlProgram, name: string): string | false {
  if (mode === 'record') return role !== 'newest' && 'the newest records'
  if (mode === 'all' || programs.length < 4) return false
  if (role === 'own') return !HALF.includes(name) && 'FAIRLEAD_TRANSCRIPTS=all runs it'
  return role === 'promised' && HALF.includes(name) && 'FAIRLEAD_TRANSCRIPTS=all runs it'
}

describe('transcripts', { skip, timeout: 480_000, concurrency: programs.length }, () => {
  let on: TrafficCluster
  before(async () => {
    on = await startTrafficCluster()
  })
  after(() => on?.[Symbol.asyncDispose]())

  for (const program of programs) {
    describe(`kubectl 1.${program.minor}, the ${program.role}`, () => {
      for (const name of names) {
        test(name, { skip: left(program, name) }, async () => {
          const namespace = `t${program.minor}-${name.replace('.txt', '')}`
          const { kubeconfig } = on.cluster.layout
          await createNamespace(on, namespace)
          const place = { program, kubeconfig, directory: join(on.directory, namespace), namespace }
          const { expected, actual, recorded } = await runTranscript(name, place)
          if (mode === 'record') writeFileSync(join(TRANSCRIPTS, name), recorded)
          else assert.equal(actual, expected)
        })
      }
    })
  }
})

/** A namespace in which pods can be created. */
async function createNamespace({ client }: TrafficCluster, name: string): Promise<void> {
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  await poll(
    'a service account of the namespace',
    async () => (await client.list(serviceAccounts, { namespace: name })).items[0],
  )
}
