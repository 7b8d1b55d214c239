import t from 'tap'
import { sourceAddressFor } from '../../src/watch/source-address.ts'

t.test('the source for a loopback destination is on loopback', async t => {
  t.equal(await sourceAddressFor('127.0.0.1', 9), '127.0.0.1')
  t.equal(await sourceAddressFor('127.0.0.9', 9), '127.0.0.1')
  t.equal(await sourceAddressFor('::ffff:127.0.0.1', 9), '127.0.0.1', 'written as IPv6')
})

t.test('there is none for what is no address, or has no route', async t => {
  t.equal(await sourceAddressFor('host.example', 9), undefined)
  t.equal(await sourceAddressFor('fe80::1', 9), undefined, 'on which link?')
})
