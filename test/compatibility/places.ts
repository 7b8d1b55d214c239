/** Addresses and ports that both hosts of the matrix know. */
export const SERVER = '10.20.0.5'
export const PROXY = '127.0.0.1:1080'

/** Of the server, and of a forward to it on the near host's loopback. */
export const PORTS = {
  ssh: 2_222,
  http: 8_080,
  https: 8_443,
  redis: 6_379,
  postgres: 5_433,
  mariadb: 3_306,
  rsync: 8_730,
  git: 9_418,
  etcd: 2_379,
  web: 8_090,
  webTls: 8_444,
} as const
