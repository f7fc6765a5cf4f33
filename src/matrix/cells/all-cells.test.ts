import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { expected } from '../compare.ts'
import { NETWORK_TABLES, POLICIES, POLICY_ITEMS, POLICY_TABLES, VALUES } from '../documented.ts'
import { settingsOf } from '../matrix.ts'
import { SERVICES } from '../scene.ts'
import { cellsOf } from './all-cells.ts'

const SETTINGS = settingsOf('both', 'both')
const TYPE_ROWS = ['ClusterIP', 'NodePort', 'LoadBalancer', 'Headless Service', 'ExternalName']

test('both networks and both modes make four settings', () => {
  assert.deepEqual(
    SETTINGS.map(({ network, proxyMode }) => `${network} ${proxyMode}`),
    ['flannel nftables', 'flannel ipvs', 'terway-eniip nftables', 'terway-eniip ipvs'],
  )
  assert.deepEqual(settingsOf('terway-eniip', 'ipvs'), [{ network: 'terway-eniip', proxyMode: 'ipvs' }])
})

for (const setting of SETTINGS) {
  describe(`cells of ${setting.network} with ${setting.proxyMode}`, () => {
    const cells = cellsOf(setting)

    test('every cell has a name of its own, somebody who says what is right, and Services that there are', () => {
      assert.equal(new Set(cells.map(({ id }) => id)).size, cells.length)
      const names = SERVICES.map(({ name }) => name)
      for (const cell of cells) {
        assert.ok(expected(cell) !== undefined, cell.id)
        assert.deepEqual(
          cell.services.filter((service) => !names.includes(service)),
          [],
        )
      }
    })

    test('every row of the table of the network is measured under both policies', () => {
      for (const item of POLICY_ITEMS) {
        for (const policy of POLICIES) {
          const own = cells.filter(
            ({ table, item: of, column }) =>
              table === NETWORK_TABLES[setting.network] && of === item && column.split(',')[0] === policy,
          )
          assert.ok(own.length > 0, `${item}, ${policy}`)
          for (const { documented } of own.filter(({ column }) => column === policy)) {
            assert.deepEqual(documented, POLICY_TABLES[setting.network][item][policy])
          }
        }
      }
    })

    test('every row of the table of types is measured from every client, and so is its bill', () => {
      for (const row of TYPE_ROWS) {
        const columns = cells.filter(({ item }) => item === row).map(({ column }) => column)
        assert.ok(columns.includes('billing'), row)
        assert.ok(columns.length >= 6, `${row}: ${columns.join(', ')}`)
      }
    })

    test('upstream differs from the document where nftables lets the inside in, and in how endpoints are picked', () => {
      const contested = cells
        .filter(({ documented, upstream }) => documented !== undefined && upstream !== undefined)
        .map(({ id }) => id)
      const short = 'Intra-cluster access to Service/Local'
      const wanted =
        setting.proxyMode === 'ipvs'
          ? []
          : setting.network === 'flannel'
            ? ['ClusterIP/scheduling', `${short}/pod-elsewhere`, `${short}/node-elsewhere`]
            : ['ClusterIP/scheduling', `${short}/node-elsewhere`]
      assert.deepEqual(contested, wanted)
    })

    test('the failure that the document names is looked at where it is said to be', () => {
      const named = cells.filter(({ table }) => table === 'Example scenario')
      const isThere = setting.network === 'flannel' && setting.proxyMode === 'ipvs'
      assert.equal(named.length, isThere ? 2 : 0)
      for (const { documented } of named) assert.equal(documented?.value, VALUES.unreachable)
    })
  })
}
