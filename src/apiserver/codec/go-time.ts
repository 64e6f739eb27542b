/** Times as Go's `time.Parse` reads them by RFC 3339, and as `metav1.Time` and `metav1.MicroTime` write them. */

/** A text is no time; the message is Go's. */
export class GoTimeError extends Error {}

export type TimeForm = 'time' | 'microTime';

/** Go's layouts, which its messages quote. */
const LAYOUTS: Readonly<Record<TimeForm, string>> = {
  time: '2006-01-02T15:04:05Z07:00',
  microTime: '2006-01-02T15:04:05.000000Z07:00',
};

/** A part of the layout: how it is quoted, and what it takes. */
interface Part {
  readonly shown: string;
  readonly takes: RegExp;
  /** The range of a number; what is outside it is another error than what is none. */
  readonly range?: readonly [name: string, least: number, most: number];
}

const text = (shown: string): Part => ({ shown, takes: new RegExp(`^${shown}`) });
const two = (shown: string, name: string, least: number, most: number): Part => ({
  shown,
  takes: /^\d\d/,
  range: [name, least, most],
});

const FRACTION: Readonly<Record<TimeForm, Part>> = {
  // A fraction is taken after the seconds, though the layout has none.
  time: { shown: '', takes: /^(?:[.,]\d+)?/ },
  microTime: { shown: '.000000', takes: /^[.,]\d{6}/ },
};

function partsOf(form: TimeForm): readonly Part[] {
  return [
    { shown: '2006', takes: /^\d{4}/ },
    text('-'),
    two('01', 'month', 1, 12),
    text('-'),
    // How many days a month has is looked at when all is read.
    { shown: '02', takes: /^\d\d/ },
    text('T'),
    // Go takes an hour of one digit, too.
    { ...two('15', 'hour', 0, 23), takes: /^\d\d?/ },
    text(':'),
    two('04', 'minute', 0, 59),
    text(':'),
    two('05', 'second', 0, 59),
    FRACTION[form],
    { shown: 'Z07:00', takes: /^(?:Z|[+-]\d\d:\d\d)/ },
  ];
}

const PARTS = { time: partsOf('time'), microTime: partsOf('microTime') };

/** Seconds from the first second of year 1, Go's zero time, to 1970. */
const ZERO_SECONDS = -62_135_596_800;

/**
 * The time in UTC as Kubernetes writes it: in whole seconds, or with six decimals. Null for Go's zero time, which stands for
 * none. Throws a GoTimeError.
 */
export function normalTime(value: string, form: TimeForm): string | null {
  const found = takenParts(value, form);
  const [year = '', , month = '', , day = '', , hour = '', , minute = '', , second = ''] = found;
  const [fraction = '', zone = 'Z'] = found.slice(11);
  const midnight = new Date(0);
  midnight.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  if (midnight.getUTCDate() !== Number(day)) throw problem(value, form, ': day out of range');
  const ofDay = Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  const seconds = midnight.getTime() / 1000 + ofDay - offsetOf(zone, value, form);
  const decimals = fraction.slice(1, 10).padEnd(9, '0');
  if (seconds === ZERO_SECONDS && Number(decimals) === 0) return null;
  return `${secondsText(seconds)}${form === 'microTime' ? `.${decimals.slice(0, 6)}` : ''}Z`;
}

function takenParts(value: string, form: TimeForm): string[] {
  let rest = value;
  const found = PARTS[form].map(({ shown, takes, range }) => {
    const [taken] = takes.exec(rest) ?? [];
    if (taken === undefined) {
      throw problem(
        value,
        form,
        `: cannot parse ${JSON.stringify(rest)} as ${JSON.stringify(shown)}`,
        ' as ',
      );
    }
    rest = rest.slice(taken.length);
    if (range !== undefined && (Number(taken) < range[1] || Number(taken) > range[2])) {
      throw problem(value, form, `: ${range[0]} out of range`);
    }
    return taken;
  });
  if (rest !== '') throw problem(value, form, `: extra text: ${JSON.stringify(rest)}`);
  return found;
}

function offsetOf(zone: string, value: string, form: TimeForm): number {
  if (zone === 'Z') return 0;
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(4))];
  if (hours > 24) throw problem(value, form, ': time zone offset hour out of range');
  if (minutes > 60) throw problem(value, form, ': time zone offset minute out of range');
  return (zone.startsWith('-') ? -1 : 1) * (hours * 3600 + minutes * 60);
}

function problem(value: string, form: TimeForm, why: string, as = ''): GoTimeError {
  const layout = as === '' ? '' : `${as}${JSON.stringify(LAYOUTS[form])}`;
  return new GoTimeError(`parsing time ${JSON.stringify(value)}${layout}${why}`);
}

/** An offset can lead out of the years of four digits. */
function secondsText(seconds: number): string {
  const date = new Date(seconds * 1000);
  const year = date.getUTCFullYear();
  const digits = `${year < 0 ? '-' : ''}${String(Math.abs(year)).padStart(4, '0')}`;
  return `${digits}${date.toISOString().slice(-20, -5)}`;
}
