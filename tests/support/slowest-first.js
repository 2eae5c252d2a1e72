const { default: Sequencer } = require('@jest/test-sequencer');

/** Starts the files that take longest first, or the last of them would run alone while the other workers idle. */
const slowest = [
  'local/stack',
  'ops/verbs',
  'leak/',
  'delivery/',
  'pipeline/',
  'local/',
  'verification/',
  'functions-host',
  'traps/',
];

module.exports = class SlowestFirst extends Sequencer {
  sort(tests) {
    const rank = ({ path }) => {
      const index = slowest.findIndex((part) => path.includes(part));
      return index === -1 ? slowest.length : index;
    };
    return [...super.sort(tests)].sort((a, b) => rank(a) - rank(b));
  }
};
