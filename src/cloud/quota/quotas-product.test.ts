import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RamUser } from '../openapi/ram-user.ts'
import { openTestCloud, refusalOf, TEST_USER } from '../test-cloud.ts'
import { hasFeature, QUOTAS_PRODUCT } from './quotas-product.ts'

const QUOTAS = '2020-05-10'
const VPC = '2016-04-28'

interface QuotaView {
  readonly Quota: { readonly TotalQuota: number; readonly TotalUsage: number }
}

test('a quota is told with its use, raised on request, and only when somebody agrees', async () => {
  await using cloud = await openTestCloud({ products: [QUOTAS_PRODUCT] })
  const quotas = cloud.client(QUOTAS)
  const read = async () => {
    const { Quota } = await quotas.request<QuotaView>('GetProductQuota', {
      ProductCode: 'vpc',
      QuotaActionCode: 'vpc_quota_eip_num',
    })
    return [Quota.TotalQuota, Quota.TotalUsage]
  }
  await cloud.client(VPC).request('AllocateEipAddress', {})
  assert.deepEqual(await read(), [100, 3])
  const asked = { ProductCode: 'vpc', QuotaActionCode: 'vpc_quota_eip_num', DesireValue: 120, Reason: 'growth' }
  const { ApplicationId } = await quotas.request<{ ApplicationId: string }>('CreateQuotaApplication', asked)
  assert.deepEqual(await read(), [100, 3])
  assert.equal(await refusalOf(quotas.request('CreateQuotaApplication', asked)), 'QUOTA.APPLICATION.PROCESS')
  await quotas.request('ReviewQuotaApplication', { ApplicationId, Status: 'Agree' })
  assert.deepEqual(await read(), [120, 3])
  assert.equal(
    await refusalOf(quotas.request('ReviewQuotaApplication', { ApplicationId, Status: 'Disagree' })),
    'QUOTA.APPLICATION.FINISHED',
  )
  assert.equal(await refusalOf(quotas.request('CreateQuotaApplication', asked)), 'QUOTA.DESIRE.VALUE.TOO.SMALL')
})

test('a feature is given out on request', async () => {
  await using cloud = await openTestCloud({ products: [QUOTAS_PRODUCT] })
  const quotas = cloud.client(QUOTAS)
  assert.equal(hasFeature(cloud.state, 'ack_console_clb_service'), false)
  const asked = { ProductCode: 'csk', QuotaActionCode: 'ack_console_clb_service', Reason: 'console' }
  const { ApplicationId } = await quotas.request<{ ApplicationId: string }>('CreateQuotaApplication', asked)
  await quotas.request('ReviewQuotaApplication', { ApplicationId, Status: 'Agree' })
  assert.equal(hasFeature(cloud.state, 'ack_console_clb_service'), true)
})

test('who files a request may not decide it', async () => {
  const filing: RamUser = {
    ...TEST_USER,
    statements: [
      { effect: 'Allow', actions: ['quotas:*'] },
      { effect: 'Deny', actions: ['quotas:Review*'] },
    ],
  }
  await using cloud = await openTestCloud({ products: [QUOTAS_PRODUCT], users: [filing] })
  const quotas = cloud.client(QUOTAS)
  const asked = { ProductCode: 'slb', QuotaActionCode: 'slb_quota_instances_num', DesireValue: 61, Reason: 'more' }
  const { ApplicationId } = await quotas.request<{ ApplicationId: string }>('CreateQuotaApplication', asked)
  assert.equal(
    await refusalOf(quotas.request('ReviewQuotaApplication', { ApplicationId, Status: 'Agree' })),
    'Forbidden.RAM',
  )
  for (const [change, code] of [
    [{ QuotaActionCode: 'slb_quota_luck' }, 'QUOTA.NOT.FOUND'],
    [{ QuotaActionCode: 'slb_quota_rules_num' }, 'QUOTA.NOT.ADJUSTABLE'],
    [{ QuotaActionCode: 'slb_quota_certs_num', DesireValue: 'many' }, 'InvalidParameter.DesireValue'],
    [{ QuotaActionCode: 'slb_quota_certs_num', Reason: '' }, 'MissingReason'],
  ] as const) {
    assert.equal(await refusalOf(quotas.request('CreateQuotaApplication', { ...asked, ...change })), code)
  }
})
