import { join } from 'node:path'

/**
 * Where a cluster lives on the machine: directories, and the names of what it makes in the kernel. Everything carries
 * the cluster's name, so that removing it works from what is there.
 */
export interface Layout {
  readonly cluster: string
  /** Data that a restart of the machine's processes must find: the store, certificates, images. */
  readonly stateDirectory: string
  /** What is true only while processes run: bundles, pods, process identities. */
  readonly runDirectory: string
  readonly storeDirectory: string
  readonly pkiDirectory: string
  /** The cloud's state and the keys to its API. */
  readonly cloudDirectory: string
  /** Images of this cluster only (`up --image`). */
  readonly imageDirectory: string
  /** Images added with `fairlead image add`, for every cluster. */
  readonly sharedImageDirectory: string
  readonly logDirectory: string
  /** What the process says that runs the cluster in the background (`up --detach`). */
  readonly detachedLog: string
  readonly kubeconfig: string
  readonly specFile: string
  /** Process identities, one file each. */
  readonly processDirectory: string
  /** Every namespace of the cluster begins with this. */
  readonly netnsPrefix: string
  /** Path below each cgroup hierarchy. */
  readonly cgroup: string
}

export interface LayoutRoots {
  /** @default FAIRLEAD_STATE_DIR or /var/lib/fairlead */
  readonly state?: string
  /** @default FAIRLEAD_RUN_DIR or /run/fairlead */
  readonly run?: string
}

export function clusterLayout(cluster: string, roots: LayoutRoots = {}): Layout {
  const { state, run } = layoutRoots(roots)
  const stateDirectory = join(state, 'clusters', cluster)
  const runDirectory = join(run, cluster)
  return {
    cluster,
    stateDirectory,
    runDirectory,
    storeDirectory: join(stateDirectory, 'store'),
    pkiDirectory: join(stateDirectory, 'pki'),
    cloudDirectory: join(stateDirectory, 'cloud'),
    imageDirectory: join(stateDirectory, 'images'),
    sharedImageDirectory: join(state, 'images'),
    logDirectory: join(stateDirectory, 'log'),
    // Not with the cluster's data: it is written to before those are made.
    detachedLog: join(state, 'log', `${cluster}.log`),
    kubeconfig: join(stateDirectory, 'kubeconfig'),
    specFile: join(stateDirectory, 'cluster.json'),
    processDirectory: join(runDirectory, 'processes'),
    netnsPrefix: `fl-${cluster}-`,
    cgroup: `/fairlead/${cluster}`,
  }
}

export function layoutRoots(roots: LayoutRoots = {}): Required<LayoutRoots> {
  return {
    state: roots.state ?? process.env.FAIRLEAD_STATE_DIR ?? '/var/lib/fairlead',
    run: roots.run ?? process.env.FAIRLEAD_RUN_DIR ?? '/run/fairlead',
  }
}

/** Name of a node's network namespace. */
export function nodeNetns(cluster: string, node: string): string {
  return `fl-${cluster}-${node}`
}

/** Where a cluster's cloud keeps what it answered, and its load balancers what they found. */
export function cloudDirectories({ cloudDirectory, runDirectory }: Layout): { state: string; balancing: string } {
  return { state: join(cloudDirectory, 'state'), balancing: join(runDirectory, 'load-balancers') }
}
