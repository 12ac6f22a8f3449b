/**
 * A second process for the lock tests: locks the folder, says so, and keeps it until its input
 * ends.
 */
import { lockFolder } from '../../net/folder-lock.ts'
import { loadRecordLocks } from '../../net/record-lock.ts'

const [folder = '', kind = 'held'] = process.argv.slice(2)
try {
  const lock = lockFolder(folder, kind === 'held' ? loadRecordLocks() : null)
  process.stdout.write(`${lock.kind}\n`)
  process.stdin.resume()
  process.stdin.on('end', () => {
    lock.release()
  })
} catch (error) {
  process.stdout.write(`${(error as Error).message}\n`)
}
