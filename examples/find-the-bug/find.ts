import { holdAll, lost, seeds, sweep, twice, type World } from 'distributed-patterns/simulation';
import { mendedVouchers, vouchers } from './vouchers.ts';

const paid = ['order-1', 'order-2', 'order-3'];

/** Three paid orders, a function that is fed with them, and what must hold when all is quiet. */
const scenario = (service: typeof vouchers) => async (w: World) => {
  const [orders, table] = [w.queue('orders'), w.table('vouchers')];
  w.source({
    queue: orders,
    function: w.function({ name: 'vouchers', boot: () => service({ table, random: w.random }) }),
  });
  await w.send(
    orders,
    paid.map((body) => ({ body })),
  );
  await w.untilQuiet();
  const given = table
    .dump()
    .flatMap(({ key, fields }) => (key.partition === 'vouchers' ? [String(fields['order'])] : []));
  holdAll(lost(paid, new Set(given)), twice(given));
};

try {
  await sweep(scenario(vouchers));
  console.log('vouchers: held');
} catch (error) {
  console.log(`vouchers: ${error instanceof Error ? error.message : String(error)}`);
}
const { callCount, runCount } = await sweep(scenario(mendedVouchers));
const { faultCount } = await seeds(scenario(mendedVouchers), { count: 1_000 });
console.log(`mended: held in ${runCount} runs over ${callCount} writes, and in 1000 seeds with ${faultCount} faults`);
