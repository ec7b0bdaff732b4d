"""The values of the sample university: courses, titles, people, publishers, edge cases.

All of it is invented. The commas, quotes, backslashes and semicolons are there
because software that writes or reads files fails on them.
"""

SUBJECTS = [
    "ANTH", "ARTH", "BIOL", "BUSA", "CHEM", "CLAS", "COMM", "CSCI", "ECON", "EDUC",
    "ENGL", "FREN", "GEOG", "GERM", "HIST", "JOUR", "LING", "MATH", "MUSI", "NURS",
    "PHIL", "PHYS", "POLS", "PSYC", "PUBH", "SOCI", "SPAN", "STAT", "THEA", "WGST",
]  # fmt: skip
TOPICS = [
    "Accounting", "Algebra", "Anatomy", "Astronomy", "Biochemistry", "Calculus",
    "Cell Biology", "Criminology", "Data Structures", "Ecology", "Econometrics",
    "Electromagnetism", "Ethics", "Field Geology", "Genetics", "Human Geography",
    "Immunology", "Labor Law", "Linguistics", "Logic", "Macroeconomics", "Marketing",
    "Medieval History", "Microbiology", "Music Theory", "Nursing Practice",
    "Nutrition", "Operating Systems", "Organic Chemistry", "Phonetics",
    "Political Theory", "Probability", "Public Speaking", "Research Methods",
    "Rhetoric", "Sensory Psychology", "Sociology", "Spanish Grammar", "Statistics",
    "Thermodynamics", "Urban Planning", "World Religions",
]  # fmt: skip
# `%` is the topic.
FORMS = [
    "%",
    "Introduction to %",
    "Principles of %",
    "Essentials of %: Concepts, Cases, and Exercises",
    "%: A First Course",
    "% in Context",
    "The Practice of %, Volume II",
    '"Why %?" and Other Questions',
    "% & Society",
    "A Short History of % (with Access Code)",
    "Lectures on %; Problems and Solutions",
    "Handbook of %",
]
GIVEN = [
    "Ada", "Björn", "Chidi", "Dolores", "Emeka", "Fatima", "Grace", "Hanna", "Ivo",
    "Jun", "Kofi", "Lena", "Mateo", "Noor", "Olga", "Priya", "Quentin", "Rosa",
    "Søren", "Tomás", "Uma", "Victor", "Wanda", "Xiu", "Yusuf", "Zoë",
]  # fmt: skip
FAMILIES = [
    "Abara", "Bergström", "Castellano", "D'Amico", "Eklund", "Fairweather", "Grünwald",
    "Hollis", "Ibáñez", "Jørgensen", "Kowalczyk", "Lindqvist", "Marchetti",
    "Ní Bhriain", "O'Leary", "Park", "Quispe", "Rosenthal, Jr.", "Sato", "Tremblay",
    "Ueda", "van der Velde", "Whitfield", "Şahin", "Zhang",
]  # fmt: skip
PUBLISHERS = [
    "Lantern & Quill, Inc.",
    "Northgate University Press",
    'Ostrava "Old Town" Editions',
    "Presses de l'Étang",
    "Verlag Grünwald & Söhne",
    "Two Rivers Courseware",
    "Backslash\\Books",
    "Harbor Street Learning",
]
EDITIONS = ["1", "2", "3", "4e", "12e", "Revised", '3rd, "Global"']
SOLUTIONS = ["Unizin Engage", "Publisher DLT"]
TYPED_ISBNS = ["unknown", "978-0-00-", "see syllabus, p. 2", "n/a"]

# A request moves one status a night, until it has one of the last three.
STATUSES = ["Submitted", "Researching", "Approved", "Cancelled", "Denied"]
ENDS = ["Approved", "Approved", "Approved", "Cancelled", "Denied"]

LONG_TITLE = ("All of It, Told at Length, " * 400)[:9999] + "."
# Edge cases of catalog items: name, title and authors; None for a random one.
ODD_ITEMS = [
    ("title with comma", "Reading, Writing, and Rhythm", None),
    ("title with quotes", 'The "Other" Reader: 12" Records', None),
    ("title with backslash", 'C:\\Temp and \\"Escapes\\"', None),
    ("title ends in backslash", "Sets: A \\ B and A \\", None),
    ("title with semicolon", "Cause; Effect; Chance", None),
    ("title beyond ascii", "Čeština, 日本語入門 und Süßes 📘", None),
    ("title with newline", "Two Lines\nOne Title", None),
    ("title with return", "Copied from\r\na Windows Form\t(tabbed)", None),
    ("title is null", "null", None),
    ("title long", LONG_TITLE, None),
    ("title with blanks", "  Blank Before and After ", None),
    ("author with quotes", None, ['Ana "Pep" Roig', "Lee, B."]),
    ("author with semicolon", None, ["Ito; Kim", "Dagny Ås"]),
    ("author is null", None, ["null"]),
    ("author missing", None, []),
    ("publisher missing", None, None),
    ("isbn missing", None, None),
    ("dates and editions missing", None, None),
    ("prices were changed", None, None),
    ("prices missing", None, None),
]
# Edge cases of whole orders; "tonight" is a change in the first night.
ODD_ORDERS = [
    "no items",
    "no sections",
    "nothing at all",
    "canceled",
    "royalty",
    "section odd",
    "request canceled",
    "request odd",
    "request twice",
    "only requests",
    "every status",
    "tonight a section goes",
    "tonight an item goes",
    "tonight an item comes",
    "tonight a status moves",
    "tonight it is canceled",
]
# The first two orders are the examples of the specification: the numbers of their
# catalog items, content requests and sections.
EXAMPLES = [(1, 1, 2), (3, 2, 3)]


def slots() -> list[tuple[int, str]]:
    """Return the slot of every edge case, one after the other from 2."""
    names = [name for name, *_ in ODD_ITEMS] + ODD_ORDERS
    return list(enumerate(names, len(EXAMPLES)))
