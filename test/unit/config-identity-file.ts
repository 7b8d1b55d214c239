import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { OperatorError } from '../../src/base/errors.ts'
import { readIdentityFile, readTextFile } from '../../src/config/identity-file.ts'

const directory = t.testdir({ 'identity.pem': 'the key', folder: {} })

function failure(run: () => unknown): OperatorError {
  try {
    run()
  } catch (error) {
    if (error instanceof OperatorError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

t.test('reads a key that only its user can read', async t => {
  const file = join(directory, 'identity.pem')
  for (const mode of [0o600, 0o400]) {
    chmodSync(file, mode)
    t.equal(readIdentityFile(file), 'the key')
  }
})

t.test('refuses a key that anybody else can read, write or run, and says how to mend it', async t => {
  const file = join(directory, 'exposed.pem')
  writeFileSync(file, 'the key')
  for (const mode of [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o777]) {
    chmodSync(file, mode)
    const { code, message } = failure(() => readIdentityFile(file))
    t.equal(code, 'IDENTITY_EXPOSED')
    t.equal(message, `others can read the identity ${file} (mode 0${mode.toString(8)}): chmod 600 ${file}`)
  }
})

t.test('says what is in the way of reading, and what to do', async t => {
  const absent = join(directory, 'absent.pem')
  const { code, message } = failure(() => readIdentityFile(absent))
  t.equal(code, 'FILE_UNREADABLE')
  t.equal(
    message,
    `cannot read ${absent}: there is no such file; run \`holdfast init\` first, or mend \`identity\` in the configuration`,
  )
  const folder = failure(() => readTextFile(join(directory, 'folder')))
  t.equal(folder.code, 'FILE_UNREADABLE')
  t.match(folder.message, /^cannot read .*folder: EISDIR.*; check the path and its permissions$/)
  t.match(folder.cause, { code: 'EISDIR' })
})

t.test('a file of another user is not made anew, but opened to this one', async t => {
  const folder = t.testdir({ 'identity.pem': 'the key' })
  const file = join(folder, 'identity.pem')
  chmodSync(file, 0)
  const isRoot = process.getuid?.() === 0
  if (isRoot) process.seteuid?.(65_534)
  const { code, message } = failure(() => readIdentityFile(file))
  if (isRoot) process.seteuid?.(0)
  t.equal(code, 'FILE_UNREADABLE')
  t.match(message, /: EACCES: .*; let the user that runs this read the file and enter its folders$/)
})
