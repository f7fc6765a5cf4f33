import type { Clock } from '../../base/clock.ts'
import { FairleadError } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import { isNotFound } from '../../kube/api-error.ts'
import type { Client } from '../../kube/client.ts'
import { findCondition, setCondition } from '../../kube/conditions.ts'
import type { EventRecorder } from '../../kube/event-recorder.ts'
import type { Informer } from '../../kube/informer.ts'
import { nodes } from '../../kube/resource.ts'
import type { Node } from '../../kube/types/core.ts'
import type { WorkQueue } from '../../kube/work-queue.ts'
import { runWorkers } from '../../kube/workers.ts'
import { listOf, textOf } from '../api/answer.ts'
import type { CloudApi } from '../api/cloud-api.ts'
import { isCloudError } from '../api/cloud-error.ts'
import { controllerQueue, NODE_BACKOFF } from '../controller-queue.ts'
import type { CcmMetrics } from '../metrics/ccm-metrics.ts'
import { failureText } from '../sync/verdict.ts'
import { planRoutes, type RoutePlan, type TableRoute } from './plan-routes.ts'

export interface RouteControllerOptions {
  readonly client: Client
  readonly informer: Informer<Node>
  readonly api: CloudApi
  readonly recorder: EventRecorder
  readonly vpcId: string
  /** Empty: the table that came with the VPC. */
  readonly routeTableIds: readonly string[]
  readonly clusterCidr: string
  /** Routes that a table may have (`vpc_quota_route_entrys_num`): when it is nearly full, people are warned. */
  readonly routeLimit: number
  /** Between two looks at the tables, in milliseconds. */
  readonly periodMs: number
  /** How long it is waited for more news, in milliseconds. */
  readonly eventWaitMs: number
  readonly metrics?: CcmMetrics
  readonly clock: Clock
  readonly log: Log
}

const ALL = 'all'
const NEARLY = 0.8
const NETWORK_UNAVAILABLE = 'NetworkUnavailable'

/** Keeps a route to each node's pods in the VPC's tables, as Flannel on ACK needs them. */
export class RouteController {
  readonly #options: RouteControllerOptions
  readonly #queue: WorkQueue

  constructor(options: RouteControllerOptions) {
    this.#options = options
    const { clock, metrics } = options
    this.#queue = controllerQueue({ name: 'route-controller', workers: 1, metrics, clock, ...NODE_BACKOFF })
    const add = () => this.#queue.addAfter(ALL, options.eventWaitMs)
    options.informer.on({
      added: add,
      updated: (node, old) => {
        if (factsOf(node) !== factsOf(old)) add()
      },
      deleted: add,
    })
  }

  /** Compares when nodes change and every period, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, periodMs, informer } = this.#options
    this.#queue.add(ALL)
    const reconcile = async () => {
      await this.sync(informer.list())
      this.#queue.addAfter(ALL, periodMs)
    }
    await runWorkers({ queue: this.#queue, workers: 1, reconcile, log, signal })
  }

  /** Compares once. @throws the last failure, after everything else was done */
  async sync(list: readonly Node[]): Promise<void> {
    const { metrics, clock } = this.#options
    const started = clock.now()
    const tables = await this.#tables()
    const done = new Map<string, number>()
    let failure: unknown
    for (const table of tables) {
      const routes = await this.#routesOf(table)
      const plan = planRoutes(list, routes, this.#options.clusterCidr)
      const { routed, error } = await this.#carryOut(plan, { table, list })
      for (const name of routed) done.set(name, (done.get(name) ?? 0) + 1)
      this.#warn(list, { table, count: routes.length - plan.remove.length + plan.add.length })
      failure = error ?? failure
    }
    for (const node of list) if (done.get(node.metadata.name) === tables.length) await this.#setAvailable(node)
    if (failure !== undefined) throw failure
    metrics?.routes('reconcile', clock.now() - started)
  }

  async #carryOut(
    plan: RoutePlan,
    { table, list }: { readonly table: string; readonly list: readonly Node[] },
  ): Promise<{ routed: readonly string[]; error?: unknown }> {
    const { api, recorder, metrics, clock } = this.#options
    const routed = [...plan.routed]
    let error: unknown
    // The old first: a table takes one route to a range.
    for (const route of plan.remove) await this.#remove(route, table)
    for (const { destination, instanceId, node: name } of plan.add) {
      const node = list.find(({ metadata }) => metadata.name === name)
      if (node === undefined) continue
      const started = clock.now()
      try {
        await api.call('vpc', 'CreateRouteEntry', {
          RouteTableId: table,
          DestinationCidrBlock: destination,
          NextHopType: 'Instance',
          NextHopId: instanceId,
        })
        recorder.event(
          node,
          'Normal',
          'CreatedRoute',
          `Created route for ${table} with ${destination} -> ${name} successfully`,
        )
        metrics?.routes('create', clock.now() - started)
        routed.push(name)
      } catch (failed) {
        recorder.event(
          node,
          'Warning',
          'CreateRouteFailed',
          `Error creating route for ${name} in ${table}: ${failureText(failed)}`,
        )
        error = failed
      }
    }
    return error === undefined ? { routed } : { routed, error }
  }

  async #remove({ id, destination, instanceId }: TableRoute, table: string): Promise<void> {
    const { api, log } = this.#options
    try {
      await api.call('vpc', 'DeleteRouteEntry', { RouteTableId: table, RouteEntryId: id })
      log.info({ table, destination, instanceId }, 'Route that leads to no node removed')
    } catch (error) {
      if (!isCloudError(error, 'InvalidRouteEntry.NotFound')) throw error
    }
  }

  async #tables(): Promise<readonly string[]> {
    const { api, vpcId, routeTableIds } = this.#options
    if (routeTableIds.length > 0) return routeTableIds
    const answer = await api.call('vpc', 'DescribeRouteTableList', { VpcId: vpcId, PageSize: 50 })
    const found = listOf(answer, 'RouterTableList', 'RouterTableListType')
      .filter((item) => textOf(item, 'RouteTableType') === 'System')
      .map((item) => textOf(item, 'RouteTableId'))
    if (found.length > 0) return found
    throw new FairleadError('NOT_FOUND', `The VPC ${vpcId} has no route table`, {
      hint: 'Give routeTableIDs in the cloud config',
    })
  }

  async #routesOf(table: string): Promise<readonly TableRoute[]> {
    const routes: TableRoute[] = []
    let token = ''
    do {
      const answer = await this.#options.api.call('vpc', 'DescribeRouteEntryList', {
        RouteTableId: table,
        RouteEntryType: 'Custom',
        ...(token === '' ? {} : { NextToken: token }),
      })
      for (const item of listOf(answer, 'RouteEntrys', 'RouteEntry')) {
        const [hop = {}] = listOf(item, 'NextHops', 'NextHop')
        routes.push({
          id: textOf(item, 'RouteEntryId'),
          destination: textOf(item, 'DestinationCidrBlock'),
          instanceId: textOf(hop, 'NextHopId'),
        })
      }
      token = textOf(answer, 'NextToken')
    } while (token !== '')
    return routes
  }

  #warn(list: readonly Node[], { table, count }: { readonly table: string; readonly count: number }): void {
    const { routeLimit, recorder } = this.#options
    const [node] = list
    if (node === undefined || count < routeLimit * NEARLY) return
    const text = `The quota vpc_quota_route_entrys_num of ${table} is nearly exhausted: ${count} of ${routeLimit}. Each node takes one route: request more in the Quota Center`
    recorder.event(node, 'Warning', 'QuotaNearlyExhausted', text)
  }

  /** The node's pods can be reached now. */
  async #setAvailable(node: Node): Promise<void> {
    const known = findCondition(node.status?.conditions, NETWORK_UNAVAILABLE)
    if (known?.status === 'False') return
    const news = {
      type: NETWORK_UNAVAILABLE,
      status: 'False',
      reason: 'RouteCreated',
      message: 'RouteController created a route',
    } as const
    const [condition] = setCondition(known === undefined ? [] : [known], news, this.#options.clock.now())
    const body = { metadata: { uid: node.metadata.uid }, status: { conditions: [condition] } }
    try {
      await this.#options.client.patch(nodes, node.metadata, { type: 'strategic', body }, { subresource: 'status' })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }
}

function factsOf({ spec }: Node): string {
  return JSON.stringify([spec?.podCIDRs, spec?.podCIDR, spec?.providerID])
}
