import t from 'tap'
import { loadLibc } from '../../src/platform/libc.ts'
import { isLinux, localSocketName } from '../../src/platform/system.ts'

const notLinux = process.platform !== 'linux' && 'this is about Linux'

t.afterEach(() => {
  delete process.env['HOLDFAST_PLATFORM']
})

t.test('Linux is Linux, for whoever knows its architecture, until it is switched off', { skip: notLinux }, async t => {
  t.equal(isLinux(), true)
  t.equal(isLinux([process.arch]), true)
  t.equal(isLinux(['pdp11']), false)
  t.equal(loadLibc(['pdp11']), undefined)
  process.env['HOLDFAST_PLATFORM'] = 'portable'
  t.equal(isLinux(), false)
  t.equal(loadLibc(), undefined)
  process.env['HOLDFAST_PLATFORM'] = ''
  t.equal(isLinux(), true, 'as when it is left out')
})

t.test('a switch with another value is a mistake', async t => {
  process.env['HOLDFAST_PLATFORM'] = 'off'
  t.throws(() => isLinux(), { code: 'USAGE', message: 'HOLDFAST_PLATFORM is "off": write portable, or leave it out' })
})

t.test('an admin socket is a file, and on Windows a named pipe', async t => {
  t.equal(localSocketName('/run/holdfast.sock', 'linux'), '/run/holdfast.sock')
  t.equal(localSocketName('/run/holdfast.sock', 'darwin'), '/run/holdfast.sock')
  t.equal(
    localSocketName('C:\\Users\\a\\holdfast.sock', 'win32'),
    '\\\\?\\pipe\\C:\\Users\\a\\holdfast.sock',
    'as Node writes it',
  )
  t.equal(localSocketName('C:/Users/a/x/../holdfast.sock', 'win32'), '\\\\?\\pipe\\C:\\Users\\a\\holdfast.sock')
  for (const pipe of ['\\\\.\\pipe\\holdfast', '\\\\?\\pipe\\holdfast', '//./pipe/holdfast']) {
    t.equal(localSocketName(pipe, 'win32'), pipe)
  }
})
