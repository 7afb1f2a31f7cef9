// One Node.js client of Kafka, as a program: node client.mjs LIBRARY ADDRESS COMMAND [JSON]. Prints JSON, one line for
// each answer. Run by ../node_test.py.
import { createInterface } from 'node:readline'
import * as platformatic from '@platformatic/kafka'
import kafkajs from 'kafkajs'

const [library, address, command, argument] = process.argv.slice(2)
const wanted = argument === undefined ? {} : JSON.parse(argument)

const print = value =>
  console.log(JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? Number(each) : each)))

// Until our standard input ends: then whoever started us has seen enough.
const untilEnd = () => new Promise(resolve => createInterface({ input: process.stdin }).on('close', resolve))

// kafkajs's own assigner has a name that no other library knows, so groups with others need one like this.
const roundRobin = ({ cluster }) => ({
  name: 'roundrobin',
  version: 0,
  async assign({ members, topics }) {
    const ids = members.map(member => member.memberId).sort()
    const partitions = topics.flatMap(topic =>
      cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => ({ topic, partitionId })))
    return ids.map((memberId, place) => {
      const assignment = {}
      partitions.filter((_, at) => at % ids.length === place).forEach(({ topic, partitionId }) => (assignment[topic] ??= []).push(partitionId))
      return { memberId, memberAssignment: kafkajs.AssignerProtocol.MemberAssignment.encode({ version: 0, assignment }) }
    })
  },
  protocol: ({ topics }) => ({
    name: 'roundrobin', metadata: kafkajs.AssignerProtocol.MemberMetadata.encode({ version: 0, topics })
  })
})

const libraries = {
  kafkajs() {
    const client = new kafkajs.Kafka({ clientId: 'kafkajs', brokers: [address], logLevel: kafkajs.logLevel.NOTHING })
    const codecs = { none: 0, gzip: 1 } // the others need packages that have no maintainer
    const withAdmin = async act => {
      const admin = client.admin()
      await admin.connect()
      const result = await act(admin)
      await admin.disconnect()
      return result
    }
    return {
      async produce({ topic, codec, records, acks }) {
        const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
        await producer.connect()
        const [answer] = await producer.send({ topic, acks, compression: codecs[codec], messages: records })
        await producer.disconnect()
        return { offset: Number(answer.baseOffset) }
      },
      async consume({ topic, group, count, stay, roundrobin }) {
        const consumer = client.consumer({
          groupId: group, sessionTimeout: 10000, heartbeatInterval: 200, ...(roundrobin && { partitionAssigners: [roundRobin] })
        })
        await consumer.connect()
        await consumer.subscribe({ topic, fromBeginning: true })
        let left = count
        const done = new Promise((resolve, reject) => {
          consumer.on(consumer.events.CRASH, event => reject(event.payload.error))
          consumer.run({
            eachMessage: async ({ partition, message }) => {
              const headers = Object.entries(message.headers).map(([key, value]) => [key, value.toString()])
              print({ partition, offset: Number(message.offset), key: message.key?.toString() ?? null,
                      value: message.value?.toString() ?? null, headers })
              if (--left === 0) resolve()
            }
          }).catch(reject)
          if (left === 0) resolve()
        })
        await done
        if (stay) await untilEnd()
        await consumer.disconnect() // commits
        return null
      },
      alter: ({ topic, settings }) =>
        withAdmin(async admin => {
          const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }))
          await admin.alterConfigs({ resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries }] })
          return null
        }),
      describe: ({ topic, settings }) =>
        withAdmin(async admin => {
          const answer = await admin.describeConfigs({
            resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames: settings }]
          })
          return answer.resources[0].configEntries.map(each => [each.configName, each.configValue, each.configSource])
        })
    }
  },

  platformatic() {
    const base = { clientId: 'platformatic', bootstrapBrokers: [address] }
    const withAdmin = async act => {
      const admin = new platformatic.Admin(base)
      const result = await act(admin)
      await admin.close()
      return result
    }
    const topicResource = 2
    return {
      async produce({ topic, codec, records, acks }) {
        const producer = new platformatic.Producer({ ...base, serializers: platformatic.stringSerializers })
        const messages = records.map(record => ({ topic, ...record }))
        const answer = await producer.send({ acks, compression: codec, messages })
        await producer.close()
        return { offset: Number(answer.offsets[0].offset) }
      },
      async consume({ topic, group, count, stay }) {
        const consumer = new platformatic.Consumer({ ...base, groupId: group, deserializers: platformatic.stringDeserializers })
        const stream = await consumer.consume({
          topics: [topic], mode: 'committed', fallbackMode: 'earliest', autocommit: false, sessionTimeout: 10000, heartbeatInterval: 200
        })
        let left = count
        if (left > 0)
          for await (const message of stream) {
            print({ partition: message.partition, offset: Number(message.offset), key: message.key ?? null,
                    value: message.value ?? null, headers: [...message.headers] })
            await message.commit()
            if (--left === 0) break
          }
        if (stay) await untilEnd()
        await consumer.close(true)
        return null
      },
      alter: ({ topic, settings }) =>
        withAdmin(async admin => {
          const configs = Object.entries(settings).map(([name, value]) => ({ name, configOperation: value === null ? 1 : 0, value }))
          await admin.incrementalAlterConfigs({ resources: [{ resourceType: topicResource, resourceName: topic, configs }] })
          return null
        }),
      describe: ({ topic, settings }) =>
        withAdmin(async admin => {
          const [answer] = await admin.describeConfigs({
            resources: [{ resourceType: topicResource, resourceName: topic, configurationKeys: settings }],
            includeSynonyms: true
          })
          return answer.configs.map(each => [each.name, each.value, each.configSource])
        })
    }
  }
}

// The sentence of an error is with its causes.
const sentences = error => [error.message, ...(error.errors ?? []).flatMap(sentences), ...(error.cause ? sentences(error.cause) : [])]

try {
  const answer = await libraries[library]()[command](wanted)
  if (answer !== null) print(answer)
  process.exit(0)
} catch (error) {
  print({ error: sentences(error).join('; ') })
  process.exit(1)
}
