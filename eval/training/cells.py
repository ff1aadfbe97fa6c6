"""What the cells of made-up tables hold: names, places, amounts, dates and times."""

import random
from collections.abc import Callable
from datetime import date, time, timedelta

_FIRST = """Maja Anton Leila Tom Ingrid Pavel Grace Omar Ruth Diego Hanna Viktor Aisha Noel Clara
Emre Sofia Ben Yuki Karl Nina Jorge Alma Peter Fatima Lars Helen Ivan Rosa Simon Mei Paul Irene Kofi
Lucy Milan Eva Hugo Priya Sam"""
_LAST = """Sten Berger Okafor Lindqvist Moreau Novak Haddad Fischer Ortega Kowalski Tanaka Brandt
Rossi Ahmed Larsen Petrov Mensah Costa Weber Dahl Silva Murphy Horvat Klein Yilmaz Eriksson Dubois
Marino Patel Jansen Walsh Kim Vogel"""
_TUNE_FIRST = """Bruno Edith Tariq Wanda Felix Signe Amara Otis Petra Cyril Dagny Ravi Thea Ulrich
Zita Colm Nadia Edgar"""
_TUNE_LAST = """Abernathy Castellan Drummond Eklund Farouk Gossage Hollis Iversen Jablonski Kessler
Lomax Nakano Quigley"""
_TOWNS = """Ashford Brindle Carrow Dunmere Elsby Farholt Grenna Hollin Istrup Jarven Kelsey Lodden
Marwick Norby Oakham Pellworth Quarley Rensborg Stanwick Tolvik Umberleigh Vasterby Wexley Yarrow
Zellin Aldermoor Birkdale Corvik"""
_COUNTRIES = """Norway Kenya Japan Brazil Spain Poland Canada Ethiopia Italy France Sweden Germany
Portugal Morocco Ireland Mexico Chile Greece India Finland"""
_COLOURS = "red blue green white grey yellow black silver orange brown"
_VEHICLES = """lorry,van,pickup,minibus,tractor,trailer,forklift,estate car,tanker,tipper,coach,
street sweeper"""
_MATERIALS = "oak,steel,glass,cotton,leather,pine,copper,plastic,wool,ceramic,rubber,paper"
_PRODUCTS = """table,chair,lamp,drill,kettle,shelf,ladder,hose,blanket,bucket,desk,mirror,pump,
toolbox,basket,clock,hammer,rope,tray,bench,funnel,hinge,valve,filter,tarpaulin,notebook,
stapler,cable"""
_JOBS = """accountant,head of sales,nurse,gardener,site manager,caretaker,buyer,
software developer,receptionist,translator,electrician,lawyer,cook,designer,librarian,
data analyst,warehouse clerk,managing director,trainer,chemist"""
_DEPARTMENTS = """Accounts,Sales,Purchasing,Human Resources,IT,Legal,Production,Logistics,
Research,Marketing,Quality,Customer Service,Facilities,Communications"""
_MATTERS = """payroll,broken heating,lost keys,data protection,visitors,parking,first aid,
fire safety,deliveries,holiday requests,network faults,room bookings,complaints,training,
insurance,cleaning,travel expenses,press enquiries"""
_COSTS = """Rent,Electricity,Travel,Insurance,Postage,Cleaning,Software,Wages,Repairs,
Advertising,Telephone,Water,Training,Heating,Furniture,Legal fees,Printing,Catering"""
_COURSES = """Pottery,Beginners' Spanish,Watercolours,Bookkeeping,First Aid,Yoga,Chess,
Photography,Sewing,Welding,Creative Writing,Algebra,Local History,Piano,Bread Baking,
Public Speaking,Chemistry,Swimming"""
_DISHES = """lentil soup,vegetable curry,fried herring,mushroom risotto,beef stew,potato salad,
tomato pasta,fish pie,pea soup,chicken rice,spinach quiche,bean chili,plum cake,apple pancakes,
lamb kebab,rice pudding"""
_ALLERGENS = (
    "gluten,milk,egg,celery,mustard,fish,nuts,soya,sesame,gluten and milk,egg and milk,none"
)
_OPTIONS = """timeout,retries,cache,port,log_level,workers,buffer,interval,depth,threshold,
batch,language,encoding,theme"""
_SETTINGS = "on,off,auto,utf-8,none,info,warning,true,false,30,100,8080,4,60,0.5,all"
_STATUS = "in progress,done,on hold,planned,late,cancelled,being tested,waiting for approval"
_PLACES = """Harbour Street,Old Market,Station Square,Mill Lane,North Gate,Castle Hill,
River Park,Church Road,Kings Walk"""
_CLUBS = "Harriers,Athletic,Road Runners,Striders,Track Club,United,Rovers"
_PROJECTS = """Lighthouse,Heron,Amber,Compass,Granite,Juniper,Falcon,Meadow,Orion,Willow,Cobalt,
Delta,Saffron,Tundra"""
_BOATS = """Sea Otter,Windhover,Curlew,Morning Star,Petrel,Grey Goose,Halcyon,Kittiwake,Merlin,
Sandpiper,Nereid,Puffin"""
_PETS = "Biscuit,Moss,Domino,Pickles,Clover,Ziggy,Truffle,Hazel,Basil,Waffle,Pebble,Nutmeg"
_SPECIES = "dog,cat,rabbit,parrot,tortoise,hamster,goat,ferret,canary,pony"
_DAMS = """Upper Glenarch,Sorrel,Hawkmoor,Lower Bryn,Tarnbeck,Coldwell,Eskerry,Ravensgill,
Threepwood,Marlstone"""
_RIVERS = "Ilwen,Tarrow,Sceva,Ouzel,Brask,Lathe,Corrin,Wend,Nadder,Ythe"

_FIRMS = "Ltd,& Sons,GmbH,Inc,Group"
_LETTERS = "ABCDEFGHKLMNPRSTUVWXZ"
_SIGNS = ("€{}", "{} EUR", "${}", "£{}", "{} €", "{}")


def cell(kind: str, tune: bool, chance: random.Random) -> str:
    """A cell of a kind of :data:`KINDS`.

    :param tune: whether people and firms are those that training never sees
    """
    if kind == "person":
        return _person(tune, chance)
    if kind == "company":
        return f"{_word(_TUNE_LAST if tune else _LAST, chance)} {_one(_FIRMS, chance)}"
    if kind == "mail":
        name, place = _person(tune, chance).replace(" ", "."), _word(_TOWNS, chance)
        return f"{name}@{place}.example".lower()
    return KINDS[kind](chance)


def _person(tune: bool, chance: random.Random) -> str:
    first, last = (_TUNE_FIRST, _TUNE_LAST) if tune else (_FIRST, _LAST)
    return f"{_word(first, chance)} {_word(last, chance)}"


def _word(words: str, chance: random.Random) -> str:
    return chance.choice(words.split())


def _one(phrases: str, chance: random.Random) -> str:
    return chance.choice(phrases.split(",")).strip()


def _number(low: int, high: int, chance: random.Random) -> str:
    """A whole number, its thousands set apart more often than not; small ones are as likely as
    large ones.
    """
    value = round(low * (high / low) ** chance.random())
    return f"{value:,}" if chance.random() < 0.7 else str(value)


def _measure(low: int, high: int, units: str, chance: random.Random) -> str:
    value = round(low * (high / low) ** chance.random(), chance.choice((0, 0, 1)))
    return f"{value:g} {chance.choice(units.split(','))}"


def _money(chance: random.Random) -> str:
    value = 2 * 4000 ** chance.random()
    return chance.choice(_SIGNS).format(
        f"{value:,.2f}" if value < 400 or chance.random() < 0.3 else f"{value:,.0f}"
    )


def _day(chance: random.Random) -> str:
    day = date(2019, 1, 1) + timedelta(days=chance.randrange(3000))
    written = (
        "%Y-%m-%d",
        "%d.%m.%Y",
        "{0.day} %B %Y",
        "%B {0.day}, %Y",
        "{0.day} %b %Y",
        "%m/%d/%Y",
    )
    return day.strftime(chance.choice(written).format(day))


def _clock(chance: random.Random) -> str:
    at = time(chance.randrange(6, 23), chance.choice(range(0, 60, 5)))
    return at.strftime(chance.choice(("%H:%M", "%H.%M", "%I:%M %p"))).lstrip("0")


def _hours(chance: random.Random) -> str:
    opens, closes = chance.randrange(6, 12), chance.randrange(13, 22)
    return chance.choice(
        (f"{opens}–{closes}", f"{opens}:00–{closes}:00", f"{opens} to {closes}", "closed")
    )


def _phone(chance: random.Random) -> str:
    return chance.choice(
        (
            str(chance.randrange(100, 9999)),
            f"0{chance.randrange(10, 999)} {chance.randrange(10000, 999999)}",
            f"+{chance.randrange(20, 99)} 40 {chance.randrange(1000, 9999)}",
        )
    )


def _code(chance: random.Random) -> str:
    letters = "".join(chance.choices(_LETTERS, k=chance.randint(1, 3)))
    return f"{letters}{chance.choice('- ')}{chance.randrange(10, 99999)}"


def _model(chance: random.Random) -> str:
    letters = "".join(chance.choices(_LETTERS, k=2))
    return f"{letters}{chance.choice(('-', ' ', ''))}{chance.randrange(10, 990)}"


def _rank(chance: random.Random) -> str:
    return chance.choice(("1st", "2nd", "3rd", *(f"{place}th" for place in range(4, 20))))


KINDS: dict[str, Callable[[random.Random], str]] = {
    "allergen": lambda chance: _one(_ALLERGENS, chance),
    "area": lambda chance: _measure(2, 900, "km²,sq km,ha", chance),
    "berth": lambda chance: f"{chance.choice('ABCDEF')}{chance.randrange(1, 40)}",
    "boat": lambda chance: _one(_BOATS, chance),
    "club": lambda chance: f"{_word(_TOWNS, chance)} {_one(_CLUBS, chance)}",
    "code": _code,
    "cost": lambda chance: _one(_COSTS, chance),
    "count": lambda chance: _number(1, 5000, chance),
    "country": lambda chance: _word(_COUNTRIES, chance),
    "course": lambda chance: _one(_COURSES, chance),
    "dam": lambda chance: f"{_one(_DAMS, chance)} Dam",
    "date": _day,
    "department": lambda chance: _one(_DEPARTMENTS, chance),
    "dish": lambda chance: _one(_DISHES, chance),
    "duration": lambda chance: _measure(2, 36, "days,weeks,months,working days", chance),
    "energy": lambda chance: f"{chance.randrange(120, 1100)} kcal",
    "flat": lambda chance: f"Flat {chance.randrange(1, 60)}",
    "hours": _hours,
    "job": lambda chance: _one(_JOBS, chance),
    "km": lambda chance: f"{_number(800, 400000, chance)} km",
    "length": lambda chance: _measure(1, 900, "m,cm,mm,metres", chance),
    "line": lambda chance: (
        f"{chance.choice(('Line', 'Bus', 'Train', 'Route', 'Ferry'))} {chance.randrange(1, 400)}"
    ),
    "matter": lambda chance: _one(_MATTERS, chance),
    "minutes": lambda chance: f"{chance.choice((5, 10, 12, 15, 20, 30, 40, 60))} min",
    "model": _model,
    "money": _money,
    "number": lambda chance: _number(20, 900000, chance),
    "oldyear": lambda chance: str(chance.randrange(1100, 1990)),
    "option": lambda chance: _one(_OPTIONS, chance),
    "pet": lambda chance: _one(_PETS, chance),
    "phone": _phone,
    "place": lambda chance: _one(_PLACES, chance),
    "postcode": lambda chance: str(chance.randrange(1000, 99999)),
    "power": lambda chance: _measure(1, 900, "kW,W,hp", chance),
    "product": lambda chance: f"{_one(_MATERIALS, chance)} {_one(_PRODUCTS, chance)}".capitalize(),
    "project": lambda chance: _one(_PROJECTS, chance),
    "racetime": lambda chance: (
        f"{chance.randrange(1, 4)}:{chance.randrange(10, 59)}:{chance.randrange(10, 59)}"
    ),
    "rank": _rank,
    "release": lambda chance: f"{chance.randrange(0, 9)}.{chance.randrange(0, 30)}",
    "river": lambda chance: _one(_RIVERS, chance),
    "room": lambda chance: (
        f"{chance.choice(('', 'Room ', 'Hall '))}{chance.choice('ABC')}{chance.randrange(1, 400)}"
    ),
    "setting": lambda chance: _one(_SETTINGS, chance),
    "small": lambda chance: str(chance.randrange(1, 40)),
    "species": lambda chance: _one(_SPECIES, chance),
    "status": lambda chance: _one(_STATUS, chance),
    "temperature": lambda chance: f"{chance.randrange(30, 240)} °C",
    "time": _clock,
    "town": lambda chance: _word(_TOWNS, chance),
    "unit": lambda chance: chance.choice(
        ("seconds", "bytes", "MB", "integer", "text", "percent", "milliseconds")
    ),
    "vehicle": lambda chance: f"{_word(_COLOURS, chance)} {_one(_VEHICLES, chance)}".capitalize(),
    "volume": lambda chance: _measure(2, 900, "million m³,hm³", chance),
    "voltage": lambda chance: chance.choice(("12 V", "24 V", "110 V", "230 V", "400 V", "48 V")),
    "weekday": lambda chance: chance.choice(
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
    ),
    "weight": lambda chance: _measure(1, 900, "kg,g,t", chance),
    "year": lambda chance: str(chance.randrange(1960, 2026)),
}
"""The kinds of cells that do not depend on the part, beside ``person``, ``company`` and ``mail``.
"""
