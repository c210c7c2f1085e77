// How numbers are read and shown: the rule of core/numbers.py, held to the same table of cases.
const EXACT = 2 ** 53; // up to here each whole number is a number of JavaScript's own
const DIGITS = 4; // significant ones
const FLOAT32_WHOLE = 2 ** 24; // beyond, a float32 lacks some whole numbers
const LEAST_PLAIN = -4; // power of ten that is written without exponent
const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

// A whole number beyond EXACT: its digits stay a text, and it is placed and compared as a number.
class Whole {
  constructor(text) {
    this.text = text;
  }
  valueOf() {
    return Number(this.text);
  }
  toString() {
    return this.text;
  }
}

const isNumber = (value) => typeof value === "number" || value instanceof Whole;

// JSON whose long whole numbers keep their digits.
function parse(source) {
  if (!/[[:,]-?\d{16,}[\],}]/.test(source)) return JSON.parse(source);
  const marked = source.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (token) => (/^-?\d{16,}$/.test(token) ? `{"\\u0000":"${token}"}` : token));
  return JSON.parse(marked, (_, value) => (typeof value?.["\0"] === "string" ? new Whole(value["\0"]) : value));
}

// Whole numbers digit by digit, all others with four significant digits, their part before the point complete.
function shown(value) {
  if (typeof value !== "number") return value === null || value === undefined ? "none" : String(value);
  if (!Number.isFinite(value)) return { Infinity: "inf", "-Infinity": "-inf" }[value] ?? "nan";
  if (isPlainWhole(value)) return String(value);
  const exact = meant(value);
  return written(rounded(exact, Math.max(DIGITS, Math.abs(value) < EXACT ? exact.power + 1 : 0)));
}

// All digits; of a float32 those that it takes to tell it from its neighbours.
function full(value) {
  if (typeof value !== "number" || !Number.isFinite(value) || isPlainWhole(value)) return shown(value);
  return written(single(value) === value ? meant(value) : parts(value.toExponential()));
}

const isPlainWhole = (value) => Number.isInteger(value) && Math.abs(value) < EXACT;

// The number that was meant, in decimals: SageMaker's final metrics are float32, so 0.8999999761581421 is 0.9.
function meant(value) {
  const near = Math.abs(value) < FLOAT32_WHOLE || single(value) === value ? single(value) : null;
  for (let digits = 0; near !== null && digits < 9; digits++) {
    const text = value.toExponential(digits);
    if (single(+text) === near) return parts(text);
  }
  return parts(value.toExponential());
}

// The nearest float32; null if the size is beyond what a float32 holds with all digits.
function single(value) {
  const size = Math.abs(value);
  return size >= 2 ** -126 && size <= 2 ** 127 ? Math.fround(value) : null;
}

// Sign, digits, and the power of ten of the first digit.
function parts(text) {
  const [mantissa, power] = text.split("e");
  return { sign: mantissa.startsWith("-") ? "-" : "", digits: mantissa.replace(/[-.]/g, ""), power: Number(power) };
}

function rounded({ sign, digits, power }, most) {
  if (digits.length <= most) return { sign, digits, power };
  const kept = String(BigInt(digits.slice(0, most)) + (digits[most] >= "5" ? 1n : 0n));
  return kept.length > most ? { sign, digits: kept.slice(0, most), power: power + 1 } : { sign, digits: kept, power };
}

function written({ sign, digits, power }) {
  if (power < LEAST_PLAIN || Number(`${digits[0]}.${digits.slice(1)}e${power}`) >= EXACT) {
    const rest = digits.length > 1 ? `.${digits.slice(1)}` : "";
    return `${sign}${digits[0]}${rest}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  if (power < 0) return `${sign}0.${"0".repeat(-power - 1)}${digits}`;
  const whole = digits.slice(0, power + 1).padEnd(power + 1, "0");
  return `${sign}${whole}${digits.length > power + 1 ? `.${digits.slice(power + 1)}` : ""}`;
}

// How many characters stand from the point on; null for what is no number without exponent.
function behindPoint(text) {
  const found = NUMBER.exec(text);
  return !found || found[3] ? null : text.length - text.split(".")[0].length;
}

// A column's texts with blanks behind them, so that the points of numbers lie below each other: as wide as a digit, and
// as a point.
function blanks(behind, most) {
  const missing = behind === null ? 0 : most - behind;
  return missing && behind === 0 ? `\u2008${"\u2007".repeat(missing - 1)}` : "\u2007".repeat(missing);
}
