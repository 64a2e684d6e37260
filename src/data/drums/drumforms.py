"""Five styles of drumming as tablature, for `grammar`.

A line is `factor=value voice pattern`, or `always voice pattern`, and a pattern is one bar in sixteenths: `X` is
played, `x` mostly, `o` every other time, `,` now and then, `-` not; `.` leaves the step as the lines before have it.
Lines are read from top to bottom, so a fill, being last, takes the place of the beat. A value without a line changes
nothing.

The voices: BD kick, SD snare, CH and OH closed and open hat, LT, MT, HT low, mid and high tom, CC crash, RD ride.
"""

# Backbeat on two and four under straight hats.
ROCK = """
always          SD  ----X-------X---
kick=plain      BD  X-------X-------
kick=driving    BD  X-X-----X-X-----
kick=syncopated BD  X-----X---X-----
kick=busy       BD  X--x--X-X--x--X-
ghosts=few      SD  .......o.o......
ghosts=many     SD  .,.x.,.x.x.o.,.x
hats=quarters   CH  X---X---X---X---
hats=eighths    CH  X-X-X-X-X-X-X-X-
hats=sixteenths CH  XxXxXxXxXxXxXxXx
push=on         BD  .......X-......X
density=full    OH  ......X-......X-
density=full    CH  ......--......--
density=full    RD  X---o---X---o---
fill=snare      SD  ............XXXX
fill=snare      CH  ............----
fill=toms       SD  ............----
fill=toms       CH  ........--------
fill=toms       HT  ........X-XX----
fill=toms       MT  ............XX--
fill=toms       LT  ..............XX
fill=crash      CC  X-------o-------
fill=crash      CH  --..............
"""

# The ride swings, its last triplet eighth on the nearest sixteenth; hat foot on two and four; the rest is comping.
JAZZ = """
always          CH  ----X-------X---
kick=plain      BD  o-------o-------
kick=driving    BD  X---X---X---X---
kick=syncopated BD  ,------X---x----
kick=busy       BD  X--o---X,--xo--X
ghosts=few      SD  ---,---o---o----
ghosts=many     SD  ,--x---xo--x---x
hats=quarters   RD  X---X---X---X---
hats=eighths    RD  X---X--XX---X--X
hats=sixteenths RD  X--XX--XX--XX--X
push=on         SD  ...X......X....-
density=full    CH  X--.X--.X--.X--.
density=full    SD  ............X...
fill=snare      SD  ........X--XX-XX
fill=snare      RD  ........--------
fill=toms       SD  ........--------
fill=toms       RD  ........--------
fill=toms       HT  ........X--X----
fill=toms       MT  ............X---
fill=toms       LT  ..............-X
fill=crash      CC  X--------------,
fill=crash      RD  ---.............
"""

# Few, heavy kicks around a backbeat that may come late; hats loosely played, or rolling.
HIPHOP = """
always          SD  ----X-------X---
kick=plain      BD  X---------X-----
kick=driving    BD  X-X-------X-----
kick=syncopated BD  X--X---X--X-----
kick=busy       BD  X--x--oX-oXx--o-
ghosts=few      SD  .......,.o.....o
ghosts=many     SD  ..,o..,x.x,...ox
hats=quarters   CH  x---x---x---x---
hats=eighths    CH  X-x-X-x-X-x-X-x-
hats=sixteenths CH  XoxoXoxxXoxoXxXX
push=on         SD  ............-X..
push=on         BD  .....X.........-
density=full    OH  ......X-......o-
density=full    CH  ......--......--
density=full    HT  --o----X--o-----
fill=snare      SD  ............XXoX
fill=snare      BD  ............----
fill=toms       BD  ............----
fill=toms       SD  ............----
fill=toms       MT  ............X-X-
fill=toms       LT  .............X-X
fill=crash      CC  X---------o-----
fill=crash      CH  --..............
"""

# Four on the floor or broken, claps on two and four, open hats off the beat; drum-machine precision.
ELECTRONIC = """
always          SD  ----X-------X---
always          OH  --X---X---X---X-
kick=plain      BD  X---X---X---X---
kick=driving    BD  X---X---X---X-X-
kick=syncopated BD  X--X--X---X--X--
kick=busy       BD  X--oX--XX-o-X-xo
ghosts=few      SD  .......o......,.
ghosts=many     SD  .,.o..,x.x.,..x.
hats=quarters   CH  ----------------
hats=eighths    CH  X---X---X---X---
hats=sixteenths CH  XX-XXX-XXX-XXX-X
push=on         MT  ---X--X----X--X-
density=full    RD  X-X-X-X-X-X-X-X-
density=full    HT  ----------o----X
fill=snare      SD  ........X-X-XXXX
fill=snare      BD  ............----
fill=toms       OH  ............----
fill=toms       CH  ............----
fill=toms       HT  ............X---
fill=toms       MT  ............-XX-
fill=toms       LT  ..............-X
fill=crash      CC  X-------X-------
"""

# Cut time: son clave on the rim, pushed to a rumba clave; bell or cáscara on the ride; toms are the congas' tumbao.
LATIN = """
always          SD  X--X--X---X-X---
always          CH  ----x-------x---
always          LT  ------Xx------Xx
kick=plain      BD  X-------X-------
kick=driving    BD  X--XX--XX--XX--X
kick=syncopated BD  ---X--X----X--X-
kick=busy       BD  X--X-ox-X-oX--x-
ghosts=few      SD  ..,......o......
ghosts=many     SD  .,o..o..,x.,..ox
hats=quarters   RD  X---X---X---X---
hats=eighths    RD  X-X-X-X-X-X-X-X-
hats=sixteenths RD  X-X-XX-XX-XX-X-X
push=on         SD  ......-X........
push=on         BD  ...............X
density=full    HT  ,---X--,,---X--,
density=full    MT  x-x-----x-x-----
fill=snare      SD  ............XXXX
fill=snare      RD  ............----
fill=toms       LT  ........----..XX
fill=toms       MT  ..........XXXX--
fill=toms       HT  ........XX------
fill=toms       RD  ........--------
fill=crash      CC  X--------------o
fill=crash      RD  ---.............
"""

FORMS = {"rock": ROCK, "jazz": JAZZ, "hiphop": HIPHOP, "electronic": ELECTRONIC, "latin": LATIN}
