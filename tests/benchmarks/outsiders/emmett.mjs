// Emmett on Fastify, with its PostgreSQL store and its default pool: one event on a new stream for each request.
import { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql';
import Fastify from 'fastify';

const line = { type: 'string', minLength: 1, maxLength: 200 };
const text = { type: 'string', minLength: 1, maxLength: 10000 };
const body = {
  type: 'object',
  required: ['key', 'title', 'decision', 'why', 'accountable'],
  properties: { key: line, title: line, decision: text, why: text, accountable: line },
};

const store = getPostgreSQLEventStore(process.env.DATABASE_URL);
await store.schema.migrate();

const server = Fastify();
server.post('/decisions', { schema: { body } }, async (request, reply) => {
  const event = { type: 'DecisionRecorded', data: request.body, metadata: { recordedAt: new Date().toISOString() } };
  // `STREAM_DOES_NOT_EXIST` is not checked in this version; version 0 is.
  const result = await store.appendToStream(`decision-${request.body.key}`, [event], { expectedStreamVersion: 0n });
  reply.code(201);
  return { position: Number(result.lastEventGlobalPosition), subject: `decision:${request.body.key}` };
});
await server.listen({ host: '127.0.0.1', port: Number(process.env.PORT) });
