import assert from 'node:assert/strict'
import { INSTANCES } from '../ecs/model.ts'
import { issueSelfSigned } from '../self-signed-certificate.ts'
import type { ReadHealth } from '../slb/health-actions.ts'
import { createSlbProduct } from '../slb/slb-product.ts'
import { openTestCloud, type TestCloud, type TestCloudOptions } from '../test-cloud.ts'
import { JobProgress } from './jobs.ts'
import { createNlbProduct } from './nlb-product.ts'

/** A cloud with NLB, and its client. */
export interface TestNlb extends AsyncDisposable {
  readonly cloud: TestCloud
  /** Which jobs packets do not follow: all, until the test says otherwise. */
  readonly jobs: JobProgress
  ask<Answer = Record<string, unknown>>(action: string, parameters?: object): Promise<Answer>
  /** Makes an instance of the intranet in both zones; its id. */
  create(parameters?: object): Promise<string>
  /** Makes a TCP group of addresses; its id. */
  createGroup(parameters?: object): Promise<string>
  /** The zones of the region, as `ZoneMappings` wants them. */
  zones(...members: object[]): object[]
  /** Id of a machine, by its name. */
  machine(name: string): string
  /** Uploads a certificate for a name; its id. */
  upload(name: string): Promise<string>
}

export interface TestNlbOptions extends TestCloudOptions {
  /** What health checks found. @default nothing */
  readonly health?: ReadHealth
}

export async function openTestNlb(options: TestNlbOptions = {}): Promise<TestNlb> {
  const { health = () => undefined } = options
  let jobs: JobProgress | undefined
  const nlb = createNlbProduct({ health, isOpen: (id) => jobs?.isOpen(id) === true })
  const cloud = await openTestCloud({ ...options, products: [createSlbProduct(() => undefined), nlb] })
  jobs = new JobProgress(cloud.state)
  const client = cloud.acs3('2022-04-30')
  const ask = async <Answer>(action: string, parameters: object = {}) => (await client(action, parameters)) as Answer
  const zones = (...members: object[]) =>
    ['zone-a', 'zone-b'].map((ZoneId, i) => ({ ZoneId, VSwitchId: cloud.vSwitch(ZoneId), ...members[i] }))
  const VpcId = cloud.ids.vpcId
  return {
    cloud,
    jobs,
    ask,
    zones,
    async create(parameters = {}) {
      const { LoadbalancerId } = await ask<{ LoadbalancerId: string }>('CreateLoadBalancer', {
        AddressType: 'Intranet',
        VpcId,
        ZoneMappings: zones(),
        ...parameters,
      })
      return LoadbalancerId
    },
    async createGroup(parameters = {}) {
      const { ServerGroupId } = await ask<{ ServerGroupId: string }>('CreateServerGroup', {
        ServerGroupName: 'web',
        ServerGroupType: 'Ip',
        VpcId,
        ...parameters,
      })
      return ServerGroupId
    },
    machine: (name) => cloud.state.list(INSTANCES).find((instance) => instance.name === name)?.id ?? assert.fail(name),
    async upload(name) {
      const { certificatePem, privateKeyPem } = await issueSelfSigned(name)
      const { ServerCertificateId } = await cloud
        .client('2014-05-15')
        .request<{ ServerCertificateId: string }>(
          'UploadServerCertificate',
          { ServerCertificate: certificatePem, PrivateKey: privateKeyPem },
          { method: 'POST' },
        )
      return ServerCertificateId
    },
    [Symbol.asyncDispose]: async () => {
      jobs?.[Symbol.dispose]()
      await cloud[Symbol.asyncDispose]()
    },
  }
}
