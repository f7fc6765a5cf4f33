import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const child = fileURLToPath(new URL('./full-disk.test-child.ts', import.meta.url))

describe('lmdb store on a full disk', () => {
  it('refuses writes with DISK_FULL, loses nothing, and goes on when there is room again', () => {
    const mount = mkdtempSync(join(tmpdir(), 'fairlead-store-'))
    try {
      const found = JSON.parse(runOnSmallDisk(mount))
      assert.deepEqual(found.codes, ['DISK_FULL'])
      assert.deepEqual(found.lost, [])
      assert.equal(found.extra, 0)
      assert.equal(found.later, 20)
      assert.equal(found.whenFull.entries, found.acknowledged - 20)
      assert.ok(found.whenFull.entries > 10, `${found.whenFull.entries} entries fitted`)
    } finally {
      rmdirSync(mount)
    }
  })
})

/** The file system exists in a mount namespace of the child's own, and goes with it. */
function runOnSmallDisk(mount: string): string {
  const script = 'mount -t tmpfs -o size=2m fairlead-test "$1" && exec "$2" --import tsx "$3" "$1"'
  const argv = ['--mount', 'sh', '-c', script, 'sh', mount, process.execPath, child]
  return execFileSync('unshare', argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
}
