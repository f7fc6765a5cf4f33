import type { CloudProduct } from './cloud-api.ts'

/** Regions whose SLB answers at the central address (the products' own client libraries list them). */
const CENTRAL_SLB = new Set([
  'cn-qingdao',
  'cn-beijing',
  'cn-hangzhou',
  'cn-shanghai',
  'cn-shenzhen',
  'cn-hongkong',
  'ap-southeast-1',
  'us-east-1',
  'us-west-1',
])

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Where each product answers: `SLB_ENDPOINT`, `NLB_ENDPOINT`, `ECS_ENDPOINT`, `VPC_ENDPOINT` (a host or a URL), else the
 * public address of the region. `ALICLOUD_CLIENT_SCHEME=HTTP` speaks plain http where no scheme is given.
 */
export function endpointsOf(region: string, env: Environment): Readonly<Record<CloudProduct, string>> {
  const scheme = env.ALICLOUD_CLIENT_SCHEME?.toLowerCase() === 'http' ? 'http' : 'https'
  const urlOf = (place: string) => (/^https?:\/\//.test(place) ? place : `${scheme}://${place}`)
  return {
    slb: urlOf(env.SLB_ENDPOINT || (CENTRAL_SLB.has(region) ? 'slb.aliyuncs.com' : `slb.${region}.aliyuncs.com`)),
    nlb: urlOf(env.NLB_ENDPOINT || `nlb.${region}.aliyuncs.com`),
    ecs: urlOf(env.ECS_ENDPOINT || `ecs.${region}.aliyuncs.com`),
    vpc: urlOf(env.VPC_ENDPOINT || `vpc.${region}.aliyuncs.com`),
  }
}
