-- SPDX-FileCopyrightText: The Bowyer Authors
-- SPDX-License-Identifier: Apache-2.0
--
-- The flights pipeline as SQL: delays, speed, wind and seats of each carrier and month of 2013.
-- examples/flights.rs and examples/go/flights compute the same with Bowyer.
with joined as (
    select
        f.carrier,
        a.name as airline,
        f.month,
        f.dep_delay,
        f.arr_delay,
        f.distance,
        f.air_time,
        p.year as plane_year,
        p.seats,
        w.wind_speed,
        w.precip,
        w.visib
    from read_parquet('flights.parquet') f
    join read_parquet('airlines.parquet') a on f.carrier = a.carrier
    left join read_parquet('planes.parquet') p on f.tailnum = p.tailnum
    left join read_parquet('weather.parquet') w on f.origin = w.origin and f.time_hour = w.time_hour
    where f.dep_delay is not null
      and f.arr_delay is not null
      and f.distance > 200
),
derived as (
    select
        carrier,
        airline,
        month,
        arr_delay,
        dep_delay - arr_delay as gained,
        distance / (air_time / 60.0::double) as speed,
        coalesce(wind_speed, 0) > 15 as windy,
        seats
    from joined
)
select
    carrier,
    airline,
    month,
    count(*) as flights,
    avg(arr_delay) as mean_arr_delay,
    median(arr_delay) as median_arr_delay,
    quantile_cont(arr_delay, 0.9) as q90_arr_delay,
    avg(gained) as mean_gained,
    avg(speed) as mean_speed,
    sum(windy::bigint)::bigint as windy_flights,
    sum(seats)::bigint as seats
from derived
group by carrier, airline, month
order by carrier, month
